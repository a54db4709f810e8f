// Several tar streams as one: each without its end mark, so that another can follow. Contents pass through as they come.

import { invalid } from "./archive.ts";
import { block, ByteReader, checksum, number, padded, parseExtension, parseHeader, types } from "./tar.ts";

/** The two empty blocks that end a tarball. */
export const tarEnd = new Uint8Array(2 * block);

/** What an owner in the stream becomes. */
export type Renumber = (kind: "uids" | "gids", id: number) => number;

/**
 * A tar stream up to its end mark, with other owners perhaps.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it is no tar stream or ends in the middle
 */
export async function* tarBody(
  stream: AsyncIterable<Uint8Array>,
  renumber?: Renumber,
): AsyncGenerator<Uint8Array> {
  const bytes = new ByteReader(stream);
  const exactly = async (count: number) => {
    const taken = await bytes.take(count);
    if (taken.length === count) return taken;
    throw invalid("the tarball is cut off");
  };
  let size: number | undefined;
  for (;;) {
    const header = await exactly(block);
    if (header.every((byte) => byte === 0)) break;
    yield renumber === undefined ? header : withOwners(header, renumber);
    const raw = parseHeader(header);
    if ("xgLK".includes(raw.flag)) {
      const content = await exactly(padded(raw.size));
      const extra = parseExtension(raw.flag, content.subarray(0, raw.size));
      if ("size" in extra) size = Number(extra.size);
      yield content;
      continue;
    }
    for (let more = raw.sparseContinues; more;) {
      const map = await exactly(block);
      more = map[504] === 1;
      yield map;
    }
    const type = types[raw.flag] ?? "other";
    let left = type === "file" || type === "other" ? padded(size ?? raw.size) : 0;
    size = undefined;
    while (left > 0) {
      const part = await bytes.some(left);
      if (part.length === 0) throw invalid("the tarball is cut off");
      left -= part.length;
      yield part;
    }
  }
  // what follows is padding: the program that writes it must not find its reader gone
  while (await bytes.skip(65536));
}

/** A header with the owners that become of those in it. Ids that need more than seven octal digits have other headers. */
function withOwners(header: Uint8Array, renumber: Renumber): Uint8Array {
  const changed = header.slice();
  const put = (at: number, value: number, width: number) =>
    changed.set(new TextEncoder().encode(value.toString(8).padStart(width, "0")), at);
  for (const [kind, at] of [["uids", 108], ["gids", 116]] as const) {
    const id = renumber(kind, number(header.subarray(at, at + 8)));
    if (id > 0o7777777) throw invalid("an owner in the tarball is beyond all that can be written");
    put(at, id, 7);
    changed[at + 7] = 0;
  }
  put(148, checksum(changed), 6);
  changed.set([0, 32], 154);
  return changed;
}
