// The files of an unpacked image as the disk of a virtual machine: one file system without partitions, with the owners
// that the files have under the image's map. Hostile files are read in the jail, where nothing else is.

import { openMappedRoot } from "../idmap/holder.ts";
import type { IdMap } from "../idmap/map.ts";
import type { Account } from "../idmap/ranges.ts";
import { commandFailed, run } from "../sys/run.ts";
import { findAbandoned, partialName } from "../sys/partial.ts";
import { imageDisk } from "./disk.ts";
import { jailed } from "./jail.ts";
import { removeTrees } from "./remove_trees.ts";

// room for what a file system keeps beside files, and for files that the host keeps packed: what is not used takes none.
// A machine's first start makes it as large as its disk
const script = `cd /unpack
files=$(find rootfs | wc -l)
size=$(( $(du -skx rootfs | cut -f1) * 2 + files * 4 + 262144 ))
mke2fs -q -F -t ext4 -b 4096 -m 1 -N $(( files * 5 / 4 + size / 16 )) \\
  -E lazy_itable_init=1,lazy_journal_init=1 -d rootfs "$1/raw" "$size"k
mkdir "$1/rootfs"
qemu-img convert -q -f raw -O qcow2 "$1/raw" "$1/rootfs/${imageDisk}"
rm "$1/raw"
chmod 755 "$1/rootfs"; chmod 644 "$1/rootfs/${imageDisk}"
for name in metadata.yaml templates; do [ ! -e $name ] || cp -R $name "$1/"; done`;

/**
 * Makes a tree with a disk of an unpacked image.
 *
 * @param options `from` is the image with its `rootfs`; the new tree, `to`, is there whole or not at all
 * @throws {DreyError} `NO_SPACE`, `COMMAND_FAILED`
 */
export async function makeDiskTree(
  { from, to, map, account }: { from: string; to: string; map: IdMap; account: Account },
): Promise<void> {
  await removeTrees(findAbandoned(from), account);
  // inside, since the jail shows one directory
  const partial = partialName(`${from}/disk`);
  await Deno.mkdir(partial);
  try {
    // root of the map must be able to write here, and is somebody else; the image's parent keeps all others out
    await Deno.chmod(partial, 0o777);
    {
      await using mapped = await openMappedRoot(map);
      const name = partial.slice(from.length + 1);
      const result = await run(jailed(mapped, ["sh", "-ec", script, "sh", name]), { cwd: from });
      if (result.code !== 0) throw commandFailed("Making a disk of the image's files", result);
    }
    await Deno.chmod(partial, 0o755);
    await Deno.rename(partial, to);
  } catch (error) {
    await removeTrees([partial], account);
    throw error;
  }
}
