// Changing and deleting images.

import { parseTime } from "../../config/expiry.ts";
import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import type { ImagePut } from "../../wire/image.ts";
import { retryCommit } from "../changed.ts";
import type { Context } from "../context.ts";
import { startOperation } from "../operations.ts";
import { removeIfUnused } from "./files.ts";
import { sweepLayers } from "./layers.ts";
import { releaseLower } from "./lower.ts";
import {
  type AliasRecord,
  findRecord,
  imageEvent,
  imageKey,
  imageLock,
  type ImageRecord,
} from "./records.ts";

/** Replaces what may be changed of an image; what the body leaves out becomes empty. */
export async function updateImage(
  context: Context,
  project: string,
  change: { fingerprint: string; put: ImagePut },
): Promise<void> {
  await changeRecord(context, project, change.fingerprint, (old) => ({
    auto_update: change.put.auto_update ?? false,
    public: change.put.public ?? false,
    properties: withoutEmpty(change.put.properties ?? {}),
    profiles: change.put.profiles ?? ["default"],
    expires_at: checkTime(change.put.expires_at) ?? old.expires_at,
  }));
}

/** Changes what the body names; properties are merged. `cached: false` makes it one that is meant to stay. */
export async function patchImage(
  context: Context,
  project: string,
  change: { fingerprint: string; put: ImagePut; cached?: boolean },
): Promise<void> {
  await changeRecord(context, project, change.fingerprint, (old) => ({
    cached: change.cached ?? old.cached,
    auto_update: change.put.auto_update ?? old.auto_update,
    public: change.put.public ?? old.public,
    properties: withoutEmpty({ ...old.properties, ...change.put.properties }),
    profiles: change.put.profiles ?? old.profiles,
    expires_at: checkTime(change.put.expires_at) ?? old.expires_at,
  }));
}

/** LXD's client empties a property to unset it. */
const withoutEmpty = (properties: ImageRecord["properties"]): ImageRecord["properties"] =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ""));

/** Deletes an image. What instances stand on stays until the last of them is gone. */
export async function deleteImage(context: Context, project: string, prefix: string): Promise<Operation> {
  const { value: { fingerprint } } = await findRecord(context, project, prefix);
  return await startOperation(context, {
    project,
    description: "Deleting image",
    resources: { images: [`/1.0/images/${fingerprint}`] },
    run: () => removeImage(context, project, fingerprint),
  });
}

/** Removes an image, its aliases and what is of no more use. @throws {DreyError} `NOT_FOUND` */
export async function removeImage(context: Context, project: string, fingerprint: string): Promise<void> {
  await deleteRecord(context, project, fingerprint);
  {
    await using _lock = await context.store.lock(imageLock(fingerprint));
    await removeIfUnused(context, fingerprint);
  }
  await releaseLower(context, fingerprint);
  await sweepLayers(context);
}

/** The record, its aliases and what remotes turned into it go in one commit. */
async function deleteRecord(context: Context, project: string, fingerprint: string): Promise<void> {
  await retryCommit("The image", async () => {
    const { key, value, revision } = await findRecord(context, project, fingerprint);
    const aliases = await context.store.list<AliasRecord>(["image_aliases", project]);
    const sources = await context.store.list<{ fingerprint: string }>(["image_sources", project]);
    const pointing = [
      ...aliases.filter((entry) => entry.value.target === fingerprint),
      ...sources.filter((entry) => entry.value.fingerprint === fingerprint),
    ];
    return await context.store.commit([{ key, revision }], [
      { key, delete: true },
      ...pointing.map((entry) => ({ key: entry.key, delete: true } as const)),
      imageEvent(context, "image-deleted", value),
    ]);
  });
}

async function changeRecord(
  context: Context,
  project: string,
  prefix: string,
  to: (old: ImageRecord) => Partial<ImageRecord>,
): Promise<void> {
  await retryCommit("The image", async () => {
    const { value, revision } = await findRecord(context, project, prefix);
    const key = imageKey(project, value.fingerprint);
    return await context.store.commit([{ key, revision }], [
      { key, value: { ...value, ...to(value) } },
      imageEvent(context, "image-updated", value),
    ]);
  });
}

function checkTime(text: string | null | undefined): string | undefined {
  if (text === undefined || text === null) return undefined;
  if (parseTime(text) !== undefined) return text;
  throw new DreyError("BAD_REQUEST", { message: `Invalid value for expires_at: "${text}" is no time` });
}
