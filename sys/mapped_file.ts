// A piece of a file as memory, without a copy of it; mmap(2).

import { libc } from "./libc.ts";

/** `bytes` that are mapped at once: what is mapped counts as memory of the process */
const most = 8 << 20;
/** `bytes` of the largest page, at which a mapping has to begin */
const page = 65_536;
/** MAP_FAILED */
const failed = 0xffff_ffff_ffff_ffffn;

/**
 * Hands a range of an open file to `use`, in pieces of memory that are there until it is over. Nobody may cut the file off
 * meanwhile, which would end the process: it is for files in directories of our own.
 *
 * @returns where it ended: before the end of the range if the file system will have none of it
 */
export async function mapped(
  fd: number,
  { from, to }: { from: number; to: number },
  use: (memory: Deno.PointerValue, size: number) => Promise<unknown>,
): Promise<number> {
  const [PROT_READ, MAP_PRIVATE] = [1, 2];
  let at = from;
  while (at < to) {
    const start = at - at % page;
    const end = Math.min(to, start + most);
    const length = BigInt(end - start);
    const memory = libc.mmap(null, length, PROT_READ, MAP_PRIVATE, fd, BigInt(start));
    if (memory === null || Deno.UnsafePointer.value(memory) === failed) return at;
    try {
      await use(Deno.UnsafePointer.offset(memory, at - start), end - at);
    } finally {
      libc.munmap(memory, length);
    }
    at = end;
  }
  return at;
}
