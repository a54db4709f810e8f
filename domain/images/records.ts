// What drey remembers of images and their aliases, and how one is found.

import { DreyError } from "../../errors.ts";
import type { Entry, Key, Write } from "../../store/store.ts";
import type { Image, ImageAlias } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { otherFingerprint, twinOf } from "./twins.ts";

/** An image without its aliases, which are entries of their own. */
export type ImageRecord = Omit<Image, "aliases">;

export interface AliasRecord {
  description: string;
  /** fingerprint */
  target: string;
  type: Image["type"];
}

export const imageKey = (project: string, fingerprint: string): Key => ["images", project, fingerprint];
/** Names of aliases may hold slashes, words of keys may not. */
export const aliasKey = (
  project: string,
  name: string,
): Key => ["image_aliases", project, encodeURIComponent(name)];
export const aliasName = (key: Key): string => decodeURIComponent(key[2] ?? "");
/** Which image an alias of a remote was last turned into. */
export const sourceKey = (project: string, protocol: string, alias: string): Key => [
  "image_sources",
  project,
  protocol,
  encodeURIComponent(alias),
];
/** Held by whoever adds, unpacks or removes the files of an image. */
export const imageLock = (fingerprint: string): Key => ["image_files", fingerprint];

/** All images of a project, or of all projects, oldest first. */
export async function listImages(context: Context, project?: string): Promise<Image[]> {
  const under = (top: string) => project === undefined ? [top] : [top, project];
  const [entries, aliases] = await Promise.all([
    context.store.list<ImageRecord>(under("images")),
    context.store.list<AliasRecord>(under("image_aliases")),
  ]);
  return entries.map(({ value }) => withAliases(value, aliases))
    .sort((a, b) => a.uploaded_at < b.uploaded_at ? -1 : 1);
}

/**
 * The image whose fingerprint starts with these digits.
 *
 * @throws {DreyError} `NOT_FOUND`, or `BAD_REQUEST` if several do
 */
export async function getImage(context: Context, project: string, prefix: string): Promise<Image> {
  const aliases = () => context.store.list<AliasRecord>(["image_aliases", project]);
  try {
    const { value } = await findRecord(context, project, prefix);
    return withAliases(value, await aliases());
  } catch (error) {
    const other = await twinned(context, project, prefix);
    if (other === undefined) throw error;
    return twinOf(withAliases(other, []));
  }
}

/** The image of a container whose twin has this fingerprint. */
export async function twinned(
  context: Context,
  project: string,
  fingerprint: string,
): Promise<ImageRecord | undefined> {
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  const key = imageKey(project, otherFingerprint(fingerprint));
  const found = await context.store.get<ImageRecord>(key);
  return found?.value.type === "container" ? found.value : undefined;
}

/** The record behind {@link getImage}, for changing it. */
export async function findRecord(
  context: Context,
  project: string,
  prefix: string,
): Promise<Entry<ImageRecord>> {
  const whole = prefix === "" ? undefined : await context.store.get<ImageRecord>(imageKey(project, prefix));
  if (whole !== undefined) return whole;
  const entries = /^[0-9a-f]{1,64}$/.test(prefix)
    ? (await context.store.list<ImageRecord>(["images", project])).filter(({ key }) =>
      key[2]?.startsWith(prefix)
    )
    : [];
  const [found] = entries;
  if (found === undefined) throw new DreyError("NOT_FOUND", { message: `Image "${prefix}" not found` });
  if (entries.length === 1) return found;
  throw new DreyError("BAD_REQUEST", {
    message: `More than one image matches fingerprint "${prefix}"`,
    hint: `Give more digits of one of: ${entries.map(({ key }) => key[2]?.slice(0, 16)).join(", ")}`,
  });
}

/** A record with the aliases that point to it. */
export function withAliases(record: ImageRecord, aliases: readonly Entry<AliasRecord>[]): Image {
  const own = aliases.filter(({ key, value }) =>
    key[1] === record.project && value.target === record.fingerprint
  ).map(({ key, value }): ImageAlias => ({ name: aliasName(key), description: value.description }));
  return { ...record, aliases: own };
}

/** The event of something that happened to an image, as part of the commit. */
export function imageEvent(
  context: Context,
  action: string,
  { project, fingerprint }: Pick<ImageRecord, "project" | "fingerprint">,
  more?: Record<string, unknown>,
): Write {
  const source = `/1.0/images/${fingerprint}`;
  return lifecycleWrite(context, { project, action, source, ...more === undefined ? {} : { context: more } });
}
