// The disk of a virtual machine as one file in a tar stream, raw as backups have it or qcow2 as images do, and such a
// file as a disk. QEMU's programs read and write it in a jail that shows them the disk and nothing else.

import { imageDisk } from "../../images/disk.ts";
import { DreyError } from "../../errors.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import { feed, type RootTar, startOnVolume } from "../instances/root_tar.ts";
import { lastDiskOf } from "./own_disk.ts";

// the file that is made of the disk is removed with the volume; no name of drey's has a #
const packing = `cd "$1"
qemu-img convert -q -f qcow2 -O "$2" -- "$3" .packed
[ "$2" = qcow2 ] || sparse="--sparse --format=posix"
exec tar $sparse --owner=0 --group=0 --numeric-owner --mode=0600 --transform="s#.*#$4#" -cf - -- .packed`;

/**
 * The disk as a tar stream with one entry.
 *
 * @param options `volume` is one that goes when that is done: the disk is there twice meanwhile
 */
export async function packRootDisk(
  context: Context,
  driver: Driver,
  { volume, name, format }: { volume: Volume; name: string; format: "raw" | "qcow2" },
): Promise<RootTar> {
  const disk = lastDiskOf(driver.root(volume));
  if (disk === undefined) {
    throw new DreyError("NOT_FOUND", {
      message: "The virtual machine has no disk yet: it has never been started",
    });
  }
  const argv = (root: string) => ["sh", "-ec", packing, "sh", root, format, disk, name];
  const program = await startOnVolume(context, driver, { volume, argv });
  await program.input.close();
  return { stream: program.output, finish: program.finish, kill: program.kill };
}

// tar's failure is no failure of the pipe, so it is said on the side
const unpacking = `cd "$1"
failed=$( { { tar -xOf - -- "$2" || echo tar >&3; cat >/dev/null; } |
  dd of=.unpacked bs=1M iflag=fullblock conv=sparse status=none || echo dd >&3; } 3>&1 )
[ -z "$failed" ]
qemu-img convert -q -f raw -O qcow2 -- .unpacked "$3.new"
rm .unpacked
mv "$3.new" "$3"`;

/** Makes the raw disk of a tar stream the one of an empty volume. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
export async function unpackRootDisk(
  context: Context,
  driver: Driver,
  { volume, stream, name }: {
    volume: Volume;
    stream: ReadableStream<Uint8Array<ArrayBuffer>>;
    /** of the disk in the stream */
    name: string;
  },
): Promise<void> {
  const argv = (root: string) => ["sh", "-ec", unpacking, "sh", root, name, imageDisk];
  await feed(await startOnVolume(context, driver, { volume, argv }), stream);
}
