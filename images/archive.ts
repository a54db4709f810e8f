// Formats of image files, told by their first bytes, never by their names; and the programs that read them.

import { DreyError } from "../errors.ts";

export type Compression = "none" | "gzip" | "bzip2" | "xz" | "lzma" | "zstd";
export type ArchiveFormat =
  | { kind: "tar"; compression: Compression }
  | { kind: "squashfs" }
  | { kind: "qcow2" };

/** How many bytes of a file {@link detectFormat} wants to see. */
export const headLength = 512;

const magics: readonly { bytes: readonly number[]; at?: number; format: ArchiveFormat }[] = [
  { bytes: [0x1f, 0x8b], format: { kind: "tar", compression: "gzip" } },
  { bytes: [0x42, 0x5a, 0x68], format: { kind: "tar", compression: "bzip2" } },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], format: { kind: "tar", compression: "xz" } },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], format: { kind: "tar", compression: "zstd" } },
  { bytes: [0x5d, 0x00, 0x00], format: { kind: "tar", compression: "lzma" } },
  { bytes: [0x68, 0x73, 0x71, 0x73], format: { kind: "squashfs" } },
  { bytes: [0x51, 0x46, 0x49, 0xfb], format: { kind: "qcow2" } },
  // "ustar" of POSIX and of GNU
  { bytes: [0x75, 0x73, 0x74, 0x61, 0x72], at: 257, format: { kind: "tar", compression: "none" } },
];

/** The format of a file that starts with these bytes, if it is one an image may have. */
export function detectFormat(head: Uint8Array): ArchiveFormat | undefined {
  return magics.find(({ bytes, at = 0 }) => bytes.every((byte, index) => head[at + index] === byte))?.format;
}

/**
 * Reads the start of a file and tells its format.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it is none of ours
 */
export async function readFormat(path: string): Promise<ArchiveFormat> {
  using file = await Deno.open(path);
  const head = new Uint8Array(headLength);
  let filled = 0;
  while (filled < head.length) {
    const count = await file.read(head.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return detectFormat(head.subarray(0, filled)) ?? unknownFormat();
}

/** @throws {DreyError} `IMAGE_INVALID` */
export function unknownFormat(): never {
  throw invalid("it is neither a tarball (plain, gz, bz2, xz, lzma, zstd) nor squashfs nor qcow2");
}

/** argv that reads a compressed file on standard input and writes it plain. */
export function decompressor(compression: Compression): [program: string, ...args: string[]] {
  switch (compression) {
    case "none":
      return ["cat"];
    case "gzip":
      return ["gzip", "-dc"];
    case "bzip2":
      return ["bzip2", "-dc"];
    case "xz":
      return ["xz", "-dc", "-T0"];
    case "lzma":
      return ["xz", "--format=lzma", "-dc"];
    case "zstd":
      return ["zstd", "-qdc"];
  }
}

/** Debian packages of the programs that are not on every system. */
const packages: Record<string, string> = {
  bzip2: "bzip2",
  xz: "xz-utils",
  zstd: "zstd",
  unsquashfs: "squashfs-tools",
};

/** The error for a program without which this image cannot be read. */
export function readerMissing(program: string): DreyError {
  return new DreyError("TOOL_MISSING", {
    message: `Cannot read the image: ${program} is not installed`,
    hint: `Ask an administrator to run: apt-get install ${packages[program] ?? program}`,
  });
}

/** What a file of this format is called after its dot. */
export function extension(format: ArchiveFormat): string {
  if (format.kind !== "tar") return format.kind;
  const endings = { none: "", gzip: ".gz", bzip2: ".bz2", xz: ".xz", lzma: ".lzma", zstd: ".zst" };
  return `tar${endings[format.compression]}`;
}

/** The error of a broken or hostile image. */
export function invalid(found: string, cause?: unknown): DreyError {
  return new DreyError("IMAGE_INVALID", { message: `Cannot use the image: ${found}`, cause });
}
