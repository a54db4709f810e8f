// Owners in backups of LXD's: they are ids of its host, and the description says which ids inside those stand for.

import { parseMap, toNamespace } from "../../idmap/map.ts";
import { type Renumber, tarBody, tarEnd } from "../../images/tar_join.ts";

/** id of nobody, who gets what belongs to none inside */
const nobody = 65_534;

/** What owners in a stream become, by LXD's map of them; nothing if they are ids inside already. */
export function foreignOwners(map: string | undefined): Renumber | undefined {
  if (map === undefined || map === "") return undefined;
  const parsed = parseMap(map);
  if (parsed.uids.length + parsed.gids.length === 0) return undefined;
  return (kind, id) => toNamespace(parsed[kind], id) ?? nobody;
}

/** A tar stream with the owners that become of those in it. */
export function withOwners(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  owners: Renumber | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (owners === undefined) return stream;
  // what passes through is never shared memory
  return ReadableStream.from(whole(stream, owners)) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

async function* whole(stream: AsyncIterable<Uint8Array>, owners: Renumber): AsyncGenerator<Uint8Array> {
  yield* tarBody(stream, owners);
  yield tarEnd;
}
