// Disks of virtual machines as images carry them: qcow2 files, told from their headers to be whole in themselves. What
// is unpacked of one is a tree with nothing but the disk in it. qcow2.txt of QEMU's interoperability documents

import { invalid } from "./archive.ts";

/** Name of the disk in the tree that an image of a virtual machine is unpacked to. */
export const imageDisk = "disk.0.qcow2";

/**
 * Files of a root that is a disk: the disk and what has been written to it since, with marks on what a machine writes
 * to, what the firmware keeps, and saved memory.
 */
const diskFiles = /^((disk\.\d+\.qcow2|nvram(\.ms)?\.fd|memory\.(state|json))(\.new)?|disk\.\d+\.open|tpm)$/;

/**
 * Whether a root is the disk of a virtual machine, by the names in its top directory; a root that anything boots from
 * directly has others.
 */
export const isDiskRoot = (names: readonly string[]): boolean =>
  names.includes(imageDisk) && names.every((name) => diskFiles.test(name));

/** Whether a root is for a disk that has not been made yet: nothing is in it but what lies beside one. */
export const awaitsDisk = (names: readonly string[]): boolean =>
  names.every((name) => diskFiles.test(name) && !/^disk\./.test(name));

/** How many bytes of a file {@link readDisk} wants to see. */
export const diskHead = 4096;

export interface DiskFacts {
  /** `bytes` of the disk as its machine sees it */
  size: number;
  /** file that what is not in this one is read from, as the header names it */
  backing: string | undefined;
  /** whether its data is in another file */
  isSplit: boolean;
  isEncrypted: boolean;
}

/** bits of features without which a file cannot be read: dirty, corrupt, external data, compression, extended tables */
const features = { external: 2, known: 0b1_1111 };

/**
 * Reads the head of a qcow2 file.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export function readDisk(head: Uint8Array): DiskFacts {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = head.length < 104 ? 0 : view.getUint32(4);
  if (head.length < 104 || view.getUint32(0) !== 0x51_46_49_fb) throw invalid("its disk is no qcow2 file");
  if (version !== 2 && version !== 3) throw invalid(`its disk is a qcow2 file of version ${version}`);
  const needed = version === 2 ? 0 : Number(view.getBigUint64(72));
  if (needed > features.known) throw invalid("its disk needs features of qcow2 that are not known here");
  const [at, length] = [Number(view.getBigUint64(8)), view.getUint32(16)];
  return {
    size: Number(view.getBigUint64(24)),
    backing: at === 0 ? undefined : new TextDecoder().decode(head.subarray(at, at + length)),
    isSplit: (needed & 1 << features.external) !== 0,
    isEncrypted: view.getUint32(32) !== 0,
  };
}

/**
 * Reads the disk of an image, which may not lead to any other file: QEMU would open it.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export function checkImageDisk(path: string): DiskFacts {
  using file = Deno.openSync(path);
  const head = new Uint8Array(diskHead);
  const facts = readDisk(head.subarray(0, file.readSync(head) ?? 0));
  if (facts.backing !== undefined) throw invalid(`its disk stands on another file, "${facts.backing}"`);
  if (facts.isSplit) throw invalid("its disk has its data in another file");
  if (facts.isEncrypted) throw invalid("its disk is encrypted");
  return facts;
}
