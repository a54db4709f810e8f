// The root volume of an instance in a pool of driver dir: its own overlay layer over the image's files; or, on a file
// system that cannot carry an overlay, a copy of them.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { RootSource } from "../../runtime/container_plan.ts";
import type { Context, Ref } from "../context.ts";
import { openFileRoot } from "./file_root.ts";
import { instancePaths } from "./record.ts";
import { isDirectory } from "../../sys/present.ts";

/** The root of an instance over an image's files, as it is, or as a first start will make it. */
export function rootSource(context: Context, ref: Ref, lower: string): RootSource {
  const { volume } = instancePaths(context, ref);
  const copy = join(volume, "rootfs");
  if (isDirectory(copy)) return { kind: "directory", path: copy };
  return { kind: "overlay", lower: [lower], upper: join(volume, "upper"), work: join(volume, "work") };
}

/** The layers of a root from the top, to look something up in. */
export function layersOf(root: RootSource): string[] {
  return root.kind === "overlay" ? [root.upper, ...root.lower] : [root.path];
}

/** Makes the directories an overlay needs. */
export function prepareRoot(root: RootSource): void {
  if (root.kind !== "overlay") return;
  for (const directory of [root.upper, root.work]) {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o755 });
  }
}

/** Whether an error says that an overlay cannot be mounted here. */
export function isOverlayRefused(error: unknown): boolean {
  return error instanceof DreyError && /mount\(2\) of overlay/.test(error.message);
}

/**
 * Gives an instance that has no files of its own yet a copy of its image's instead of an overlay: blocks are shared
 * where the file system can (reflinks), else copied. Under its final name only when it is whole.
 *
 * @returns false if the instance has files of its own, in an overlay that once could be mounted
 */
export async function copyInstead(
  context: Context,
  ref: Ref,
  root: RootSource & { kind: "overlay" },
): Promise<boolean> {
  if (![...Deno.readDirSync(root.upper)].every(() => false)) return false;
  const { volume } = instancePaths(context, ref);
  const partial = join(volume, "rootfs.partial");
  await using files = openFileRoot(context);
  await files.run(["rm", "-rf", "--", partial]);
  await files.run(["cp", "-a", "--reflink=auto", "--", root.lower[0] ?? "", partial]);
  await files.run(["rm", "-rf", "--", root.upper, root.work]);
  Deno.renameSync(partial, join(volume, "rootfs"));
  return true;
}
