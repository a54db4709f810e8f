// Deltas between the files of two versions of an image, VCDIFF as xdelta3 makes it (RFC 3284). What comes out is no
// better known than before: whoever uses it hashes it.

import type { MappedRoot } from "../idmap/holder.ts";
import { run } from "../sys/run.ts";
import { jailed } from "./jail.ts";
import { partialName } from "../sys/partial.ts";

export interface DeltaFiles {
  base: string;
  delta: string;
  /** file to make, on the same file system */
  target: string;
  /** `bytes` it is to have */
  size: number;
}

// head takes no more than what is expected, whatever a delta makes of it
const script = 'target=$1 size=$2; shift 2; "$@" | head -c "$size" >"$target"';

/** Makes a file of an older one and a delta. @returns whether it has the size it should have */
export async function applyDelta(
  { base, delta, target, size }: DeltaFiles,
  mapped: MappedRoot,
): Promise<boolean> {
  const directory = partialName(target);
  await Deno.mkdir(directory);
  try {
    // whatever the umask: somebody else, root of a map, is to read it
    await Deno.chmod(directory, 0o755);
    await handOver(base, `${directory}/base`);
    await Deno.link(delta, `${directory}/delta`);
    const argv = jailed(mapped, ["xdelta3", "-d", "-c", "-s", "/unpack/base", "/unpack/delta"]);
    await run(["sh", "-c", script, "sh", `${target}.made`, String(size), ...argv], { cwd: directory });
    const made = `${target}.made`;
    if ((await Deno.stat(made)).size !== size) {
      await Deno.remove(made);
      return false;
    }
    await Deno.rename(made, target);
    return true;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The disk of a machine belongs to the root of a map, and only who owns a file may link it: protected_hardlinks, proc(5). */
async function handOver(path: string, to: string): Promise<void> {
  try {
    await Deno.link(path, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    await Deno.copyFile(path, to);
  }
}
