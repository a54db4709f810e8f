// Aliases of images: names that point to fingerprints.

import { DreyError } from "../../errors.ts";
import type { Entry, Write } from "../../store/store.ts";
import type { ImageAliasesEntry, ImageAliasesPost, ImageAliasPut } from "../../wire/image.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { otherFingerprint, twinnedAlias } from "./twins.ts";
import { retryCommit } from "../changed.ts";
import { aliasKey, aliasName, type AliasRecord, findRecord } from "./records.ts";

/** All aliases of a project, or of all projects, by name. */
export async function listAliases(context: Context, project?: string): Promise<ImageAliasesEntry[]> {
  const prefix = project === undefined ? ["image_aliases"] : ["image_aliases", project];
  return (await context.store.list<AliasRecord>(prefix)).map(entryOf);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getAlias(context: Context, ref: Ref): Promise<ImageAliasesEntry> {
  try {
    return entryOf(await findAlias(context, ref));
  } catch (error) {
    const name = twinnedAlias(ref.name);
    const other = name && await context.store.get<AliasRecord>(aliasKey(ref.project, name));
    if (!other || other.value.type !== "container") throw error;
    const twin = { type: "virtual-machine" as const, target: otherFingerprint(other.value.target) };
    return { ...entryOf(other), ...twin, name: ref.name };
  }
}

/** @throws {DreyError} `ALREADY_EXISTS`, `NOT_FOUND` for the image, `BAD_REQUEST` for the name */
export async function createAlias(context: Context, project: string, body: ImageAliasesPost): Promise<void> {
  const write = await newAlias(context, project, body);
  const { target } = write.value;
  const committed = await context.store.commit(
    [{ key: aliasKey(project, body.name), revision: 0 }],
    [write, happened(context, "image-alias-created", { project, name: body.name }, { target })],
  );
  if (!committed) throw aliasExists(body.name);
}

/** Replaces description and target; what the body leaves out stays. */
export async function updateAlias(context: Context, ref: Ref, put: ImageAliasPut): Promise<void> {
  await retryCommit("The alias", async () => {
    const { key, value, revision } = await findAlias(context, ref);
    const target = put.target === undefined || put.target === ""
      ? value
      : (({ fingerprint, type }) => ({ target: fingerprint, type }))(
        (await findRecord(context, ref.project, put.target)).value,
      );
    const changed = { ...value, target: target.target, type: target.type };
    return await context.store.commit([{ key, revision }], [
      { key, value: { ...changed, description: put.description ?? value.description } },
      happened(context, "image-alias-updated", ref, { target: target.target }),
    ]);
  });
}

/** @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS` */
export async function renameAlias(context: Context, ref: Ref, name: string): Promise<void> {
  checkName(name);
  const renamed = aliasKey(ref.project, name);
  await retryCommit("The alias", async () => {
    const { key, value, revision } = await findAlias(context, ref);
    if (await context.store.get(renamed) !== undefined) throw aliasExists(name);
    return await context.store.commit([{ key, revision }, { key: renamed, revision: 0 }], [
      { key, delete: true },
      { key: renamed, value },
      happened(context, "image-alias-renamed", { ...ref, name }, { old_name: ref.name }),
    ]);
  });
}

/** @throws {DreyError} `NOT_FOUND` */
export async function deleteAlias(context: Context, ref: Ref): Promise<void> {
  await retryCommit("The alias", async () => {
    const { key, revision } = await findAlias(context, ref);
    return await context.store.commit([{ key, revision }], [
      { key, delete: true },
      happened(context, "image-alias-deleted", ref),
    ]);
  });
}

/** @throws {DreyError} `NOT_FOUND` */
export async function findAlias(context: Context, { project, name }: Ref): Promise<Entry<AliasRecord>> {
  const entry = name === "" ? undefined : await context.store.get<AliasRecord>(aliasKey(project, name));
  if (entry === undefined) throw new DreyError("NOT_FOUND", { message: `Image alias "${name}" not found` });
  return entry;
}

/** @throws {DreyError} `BAD_REQUEST` */
export function checkName(name: string): void {
  if (name !== "" && name.length <= 255 && !/\p{Cc}/u.test(name)) return;
  throw new DreyError("BAD_REQUEST", { message: `Invalid alias name ${JSON.stringify(name)}` });
}

/** @throws {DreyError} `ALREADY_EXISTS` */
export function aliasExists(name: string): DreyError {
  return new DreyError("ALREADY_EXISTS", { message: `Alias "${name}" already exists` });
}

async function newAlias(
  context: Context,
  project: string,
  body: ImageAliasesPost,
): Promise<Pick<Entry<AliasRecord>, "key" | "value">> {
  checkName(body.name);
  const { value } = await findRecord(context, project, body.target);
  const alias: AliasRecord = {
    description: body.description ?? "",
    target: value.fingerprint,
    type: value.type,
  };
  return { key: aliasKey(project, body.name), value: alias };
}

function entryOf({ key, value }: Entry<AliasRecord>): ImageAliasesEntry {
  return { name: aliasName(key), ...value };
}

function happened(context: Context, action: string, ref: Ref, more?: Record<string, unknown>): Write {
  const source = `/1.0/images/aliases/${encodeURIComponent(ref.name)}`;
  return lifecycleWrite(context, { project: ref.project, action, source, ...more && { context: more } });
}
