// How much space things take.

import { fileSystemOf } from "../sys/file_systems.ts";
import { exists } from "../sys/present.ts";
import type { PoolHost, Space } from "./driver.ts";

/** Bytes that trees take on disk together; what is linked in several counts once. */
export async function diskUsage(
  { hands }: Pick<PoolHost, "hands">,
  trees: readonly string[],
): Promise<number> {
  const present = trees.filter(exists);
  if (present.length === 0) return 0;
  // what goes away meanwhile is no reason to fail
  const script = 'du -s -c --block-size=1 -- "$@"; [ $? -le 1 ]';
  const text = await hands.output(["sh", "-c", script, "du", ...present]);
  return Number(/^(\d+)\ttotal$/m.exec(text)?.[1] ?? "0");
}

/** Space and inodes of the file system a directory is on. */
export function spaceOf(directory: string): Space {
  const { bytes, inodes } = fileSystemOf(directory);
  return {
    space: { used: bytes.total - bytes.free, total: bytes.total },
    inodes: { used: inodes.total - inodes.free, total: inodes.total },
  };
}
