// Where images lie on disk, and how files become an image: `<fingerprint>` and, of a split image,
// `<fingerprint>.rootfs`.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { partialName } from "../../sys/partial.ts";
import { discard, exists } from "../../sys/present.ts";
import type { ImageFiles } from "../../images/scan.ts";
import type { Write } from "../../store/store.ts";
import type { ImageAlias } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { holdProject } from "../projects/effective.ts";
import { aliasExists, checkName } from "./aliases.ts";
import { imagesDirectory } from "./directories.ts";
import { aliasKey, type AliasRecord, imageEvent, imageKey, imageLock, type ImageRecord } from "./records.ts";

/** Both names an image's files may have; the second is there for split images only. */
function imageFileNames(context: Context, fingerprint: string) {
  const metadata = join(imagesDirectory(context), fingerprint);
  return { metadata, rootfs: `${metadata}.rootfs` };
}

/** The files of an image, as they are on disk if they are there. */
export function imageFiles(context: Context, fingerprint: string): ImageFiles {
  const { metadata, rootfs } = imageFileNames(context, fingerprint);
  return exists(rootfs) ? { metadata, rootfs } : { metadata };
}

/** A new directory among the images for files on their way in; gone when disposed. */
export async function openStage(context: Context, name: string): Promise<AsyncDisposable & { path: string }> {
  const parent = imagesDirectory(context);
  await makeClosed(parent);
  const path = join(parent, partialName(name));
  await Deno.mkdir(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      try {
        await Deno.remove(path, { recursive: true });
      } catch (error) {
        // a directory of somebody else's in it; a file would not have mattered
        if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
        const { removeTrees } = await import("../../images/remove_trees.ts");
        await removeTrees([path], context.user);
      }
    },
  };
}

/** A directory only the user may enter, whatever was there before. */
export async function makeClosed(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  await Deno.chmod(path, 0o700);
}

/**
 * Takes files in as an image of its project, with its aliases, all or nothing.
 *
 * @param files on the same file system as the images; they are moved. Absent if another project has them already
 * @throws {DreyError} `ALREADY_EXISTS`, `FORBIDDEN` where the project has no room for it
 */
export async function adoptImage(
  context: Context,
  files: ImageFiles | undefined,
  { record, aliases = [], more = [] }: { record: ImageRecord; aliases?: ImageAlias[]; more?: Write[] },
): Promise<void> {
  const { project, fingerprint } = record;
  for (const { name } of aliases) checkName(name);
  await using _lock = await context.store.lock(imageLock(fingerprint));
  const key = imageKey(project, fingerprint);
  const aliasWrites = aliases.map(({ name, description }) => {
    const value: AliasRecord = { description, target: fingerprint, type: record.type };
    return { key: aliasKey(project, name), value };
  });
  // before the files: they may be those of another project's image
  await refuseIfTaken(context, record, aliases);
  await using held = await holdProject(context, project);
  if (held.config["limits.disk"]) {
    const { mustAllowImage } = await import("../projects/allow.ts");
    await mustAllowImage(context, project, { config: held.config, size: record.size });
  }
  const target = imageFileNames(context, fingerprint);
  if (files?.rootfs !== undefined) await Deno.rename(files.rootfs, target.rootfs);
  if (files !== undefined) await Deno.rename(files.metadata, target.metadata);
  const committed = await context.store.commit(
    [{ key, revision: 0 }, ...aliasWrites.map(({ key }) => ({ key, revision: 0 }))],
    [
      { key, value: record },
      ...aliasWrites,
      ...more,
      imageEvent(context, "image-created", record, { type: record.type }),
    ],
  );
  if (committed) return;
  await removeIfUnused(context, fingerprint);
  await refuseIfTaken(context, record, aliases);
}

/** Removes an image's files unless a project still has it. The caller holds the lock. */
export async function removeIfUnused(context: Context, fingerprint: string): Promise<void> {
  const entries = await context.store.list(["images"]);
  if (entries.some(({ key }) => key[2] === fingerprint)) return;
  const { metadata, rootfs } = imageFileNames(context, fingerprint);
  await discard(metadata);
  await discard(rootfs);
}

async function refuseIfTaken(context: Context, record: ImageRecord, aliases: ImageAlias[]): Promise<void> {
  const { project, fingerprint } = record;
  if (await context.store.get(imageKey(project, fingerprint)) !== undefined) {
    throw new DreyError("ALREADY_EXISTS", {
      message: `Image with same fingerprint already exists: ${fingerprint}`,
    });
  }
  await mustBeFree(context, project, aliases);
}

/** Also for whoever is about to make an image at length. @throws {DreyError} `ALREADY_EXISTS`, `BAD_REQUEST` for a name */
export async function mustBeFree(
  context: Context,
  project: string,
  aliases: readonly ImageAlias[],
): Promise<void> {
  for (const { name } of aliases) {
    checkName(name);
    if (await context.store.get(aliasKey(project, name)) !== undefined) throw aliasExists(name);
  }
}
