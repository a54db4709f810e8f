// Making room: everything about images that can be had again, or is of no more use. Instances lose nothing.

import { join } from "@std/path";
import { readLayout } from "../../idmap/ranges.ts";
import { openMappedRoot } from "../../idmap/holder.ts";
import { isPartial } from "../../sys/partial.ts";
import { exists, isDirectory, namesIn } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import type { ImagePrunable } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { removeImage } from "./change.ts";
import { catalogsDirectory, downloadsDirectory, lowersDirectory, memoriesDirectory } from "./directories.ts";
import { downloadLock, forgetDownload } from "./fetch.ts";
import { removeLowersOf } from "./lower.ts";
import { lockIfFree } from "../lock_if_free.ts";
import { listImages } from "./records.ts";
import { imagesInUse } from "./used.ts";
import { removeMemory } from "../machines/memories_directory.ts";

/** What could go, the images first. Only looks. */
export async function planPrune(context: Context): Promise<ImagePrunable[]> {
  const used = await imagesInUse(context);
  const images = await listImages(context);
  const kept = new Set(images.filter(({ cached }) => !cached).map(({ fingerprint }) => fingerprint));
  const cached = images.filter(({ cached, fingerprint }) => cached && !used.has(fingerprint));
  const lowers = namesIn(lowersDirectory(context))
    .filter((name) => /^[0-9a-f]{64}-/.test(name) && !isPartial(name) && !used.has(name.slice(0, 64)));
  const going = new Set(cached.map(({ fingerprint }) => fingerprint));
  const unpacked = lowers.filter((name) => kept.has(name.slice(0, 64)) || !going.has(name.slice(0, 64)));
  const downloads = namesIn(downloadsDirectory(context));
  const sizes = await sizesOf(context, [
    ...unpacked.map((name) => join(lowersDirectory(context), name)),
    ...downloads.map((name) => join(downloadsDirectory(context), name)),
    catalogsDirectory(context),
    ...namesIn(memoriesDirectory(context)).map((name) => join(memoriesDirectory(context), name)),
  ]);
  const size = (path: string) => sizes.get(path) ?? 0;
  const catalogs = namesIn(catalogsDirectory(context)).length > 0;
  return [
    ...cached.map(({ fingerprint, project, size, properties }) => ({
      kind: "image" as const,
      name: fingerprint,
      project,
      size,
      about: properties.description ?? "fetched, and used by no instance",
    })),
    ...unpacked.map((name) => ({
      kind: "unpacked" as const,
      name: name.slice(0, 64),
      project: "",
      size: size(join(lowersDirectory(context), name)),
      about: "unpacked files, which the next instance unpacks again",
    })),
    ...downloads.map((name) => ({
      kind: "download" as const,
      name,
      project: "",
      size: size(join(downloadsDirectory(context), name)),
      about: "begun download",
    })),
    ...(catalogs
      ? [{
        kind: "catalog" as const,
        name: "catalogs",
        project: "",
        size: size(catalogsDirectory(context)),
        about: "lists of what image servers offer",
      }]
      : []),
    ...namesIn(memoriesDirectory(context)).filter((name) => !isPartial(name)).map((name) => ({
      kind: "memory" as const,
      name,
      project: "",
      size: size(join(memoriesDirectory(context), name)),
      about: "what the next virtual machine of a kind would begin with",
    })),
  ];
}

/** Removes what {@link planPrune} names, as far as it is still of no use; answers with what went. */
export async function prune(context: Context): Promise<ImagePrunable[]> {
  const plan = await planPrune(context);
  for (const { kind, name, project } of plan) {
    if (kind === "image") await removeImage(context, project, name);
    else if (kind === "unpacked") await removeLowersOf(context, name);
    else if (kind === "download") {
      // whoever is downloading holds the lock, and goes on
      await using lock = await lockIfFree(context, downloadLock(name));
      if (lock !== undefined) await forgetDownload(context, name);
    } else if (kind === "memory") removeMemory(join(memoriesDirectory(context), name));
    else await Deno.remove(catalogsDirectory(context), { recursive: true });
  }
  return plan;
}

/** Bytes on disk; files of sub-ids are looked at as their root. */
async function sizesOf(context: Context, paths: readonly string[]): Promise<Map<string, number>> {
  const present = paths.filter((path) => !isDirectory(path) && exists(path) || namesIn(path).length > 0);
  if (present.length === 0) return new Map();
  const argv = ["du", "-s", "-B1", "--", ...present];
  const { parent } = await readLayout(context.user);
  await using root = parent === undefined ? undefined : await openMappedRoot(parent);
  const lines = (await runChecked(root === undefined ? argv : root.command(argv))).trim().split("\n");
  return new Map(lines.map((line) => {
    const [bytes = "0", path = ""] = line.split("\t");
    return [path, Number(bytes)];
  }));
}
