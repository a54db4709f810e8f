// A file copied piece by piece, so that others can read what is there already. The kernel copies, and shares blocks where
// the file system can.

import { closeFd, copyRange, O_RDONLY, O_WRONLY, openFd } from "./descriptors.ts";

/** `bytes` of a piece: large for the kernel, small beside a file worth waiting for */
const most = 8 << 20;

/**
 * Copies a file into one that is there and empty.
 *
 * @param grown is told after each piece how many bytes lie there
 */
export async function copyFile(from: string, to: string, grown: (size: number) => void): Promise<void> {
  let size = 0;
  const source = openFd(from, O_RDONLY);
  try {
    const target = openFd(to, O_WRONLY);
    try {
      for (let count; (count = await copyRange(source, target, most)) > 0;) grown(size += count);
    } finally {
      closeFd(target);
    }
  } finally {
    closeFd(source);
  }
  await copyRest(from, to, { size, grown });
}

/** What the kernel has not copied: nothing if all went well; else reading and writing say what is the matter. */
async function copyRest(
  from: string,
  to: string,
  { size, grown }: { size: number; grown(size: number): void },
): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true });
  await source.seek(size, Deno.SeekMode.Start);
  await target.seek(size, Deno.SeekMode.Start);
  const piece = new Uint8Array(1 << 20);
  for (let count; (count = await source.read(piece)) !== null;) {
    for (let done = 0; done < count;) done += await target.write(piece.subarray(done, count));
    grown(size += count);
  }
}
