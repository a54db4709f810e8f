// What the disk of a virtual machine begins with, read through the qcow2 files that it is made of. A disk that is one
// file system from its first byte on has no place for a boot loader: its machine needs a kernel of the host's choice.
// qcow2.txt of QEMU's interoperability documents, "Layout" in Documentation/filesystems/ext4

const magic = 0x51_46_49_fb;
const offsets = 0x00ff_ffff_ffff_fe00n;
const compressed = 1n << 62n;
const zeros = 1n;

/** Bytes that are looked at: the superblock of ext4 begins at 1024. */
const wanted = 2048;

/**
 * The first bytes of a disk.
 *
 * @param open opens a file of it by name, such as `disk.1.qcow2`; undefined where there is none
 * @returns undefined if they cannot be told: packed, or of a file that is no qcow2
 */
export function readDiskStart(
  name: string,
  open: (name: string) => Deno.FsFile | undefined,
): Uint8Array | undefined {
  const seen = new Set<string>();
  for (let next = name; !seen.has(next);) {
    seen.add(next);
    using file = open(next);
    if (file === undefined) return undefined;
    const found = inFile(file);
    if (found === undefined || found instanceof Uint8Array) return found;
    if (found.below === undefined) return new Uint8Array(wanted);
    next = found.below;
  }
  return undefined;
}

/** In one file; `below` names the file that has what is not in this one. */
function inFile(file: Deno.FsFile): Uint8Array | { below: string | undefined } | undefined {
  const head = readAt(file, 0n, 4096);
  const view = new DataView(head.buffer);
  if (view.getUint32(0) !== magic) return undefined;
  const isOld = view.getUint32(4) === 2;
  // data in another file, and tables of another shape
  if (!isOld && (view.getBigUint64(72) & 0b10100n) !== 0n) return undefined;
  const [at, length] = [Number(view.getBigUint64(8)), view.getUint32(16)];
  const isNamed = at !== 0 && at + length <= head.length;
  const below = isNamed ? new TextDecoder().decode(head.subarray(at, at + length)) : undefined;
  const table = entryAt(file, view.getBigUint64(40)) & offsets;
  if (table === 0n) return { below };
  const cluster = entryAt(file, table);
  if ((cluster & compressed) !== 0n) return undefined;
  if (!isOld && (cluster & zeros) !== 0n) return new Uint8Array(wanted);
  if ((cluster & offsets) === 0n) return { below };
  return readAt(file, cluster & offsets, wanted);
}

function entryAt(file: Deno.FsFile, at: bigint): bigint {
  return new DataView(readAt(file, at, 8).buffer).getBigUint64(0);
}

/** What lies behind the end of the file is zeros. */
function readAt(file: Deno.FsFile, at: bigint, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  return bytes;
}

/** Whether a disk with these first bytes is nothing but a file system of the kind ext4. */
export function isFileSystem(start: Uint8Array): boolean {
  const [low, high] = [start[1080], start[1081]];
  return low === 0x53 && high === 0xef && start.subarray(0, 1024).every((byte) => byte === 0);
}
