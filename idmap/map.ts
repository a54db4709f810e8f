// Id maps as data: which ids of a user namespace stand for which ids of the host, user_namespaces(7).

import { DreyError } from "../errors.ts";
import { longHash } from "../sys/short_hash.ts";

export interface IdRange {
  /** first id inside the namespace */
  nsId: number;
  /** first id outside, on the host */
  hostId: number;
  /** how many ids */
  count: number;
}

export interface IdMap {
  uids: IdRange[];
  gids: IdRange[];
}

/** LXD's record of a map in `volatile.idmap.*`. */
interface VolatileEntry {
  Isuid: boolean;
  Isgid: boolean;
  Hostid: number;
  Nsid: number;
  Maprange: number;
}

/** The host id behind an id of the namespace, if it has one. */
export function toHost(ranges: readonly IdRange[], nsId: number): number | undefined {
  const range = ranges.find((r) => nsId >= r.nsId && nsId < r.nsId + r.count);
  return range === undefined ? undefined : range.hostId + nsId - range.nsId;
}

/** The id of the namespace that stands for a host id, if one does. */
export function toNamespace(ranges: readonly IdRange[], hostId: number): number | undefined {
  const range = ranges.find((r) => hostId >= r.hostId && hostId < r.hostId + r.count);
  return range === undefined ? undefined : range.nsId + hostId - range.hostId;
}

/**
 * The same map as it must be written from inside `parent`: host ids become ids of the parent namespace. A range
 * that spans several ranges of the parent is cut.
 *
 * @throws {DreyError} `BAD_REQUEST` if the parent does not map one of the ids
 */
export function relativeTo(ranges: readonly IdRange[], parent: readonly IdRange[]): IdRange[] {
  return ranges.flatMap((range) => {
    const pieces: IdRange[] = [];
    for (let done = 0; done < range.count;) {
      const hostId = range.hostId + done;
      const outer = parent.find((r) => hostId >= r.hostId && hostId < r.hostId + r.count);
      if (outer === undefined) {
        throw new DreyError("BAD_REQUEST", {
          message: `Cannot map id ${range.nsId + done}: host id ${hostId} is not among the user's own`,
          hint: "Subordinate ids that files belong to must stay the user's: see /etc/subuid and /etc/subgid",
        });
      }
      const count = Math.min(range.count - done, outer.hostId + outer.count - hostId);
      pieces.push({ nsId: range.nsId + done, hostId: outer.nsId + hostId - outer.hostId, count });
      done += count;
    }
    return pieces;
  });
}

/**
 * A map in which some ids stand for others than they did. Whatever stood for one of the new ids, on either side, loses
 * its place; ids of the host that are freed so stand for nobody.
 */
export function punch(base: IdMap, holes: IdMap): IdMap {
  const punched = (ranges: IdRange[], more: IdRange[]) => {
    const kept = more.reduce(
      (left, hole) => cutOut(cutOut(left, "nsId", hole), "hostId", hole),
      ranges,
    );
    return [...kept, ...more].toSorted((a, b) => a.nsId - b.nsId);
  };
  const map = { uids: punched(base.uids, holes.uids), gids: punched(base.gids, holes.gids) };
  checkMap(map);
  return map;
}

/** Ranges without the ids that a hole has on one side. */
function cutOut(ranges: readonly IdRange[], side: "nsId" | "hostId", hole: IdRange): IdRange[] {
  return ranges.flatMap(({ nsId, hostId, count }) => {
    const first = { nsId, hostId }[side];
    const before = Math.max(0, Math.min(count, hole[side] - first));
    const end = Math.min(count, Math.max(0, hole[side] + hole.count - first));
    return [
      { nsId, hostId, count: before },
      { nsId: nsId + end, hostId: hostId + end, count: count - Math.max(before, end) },
    ].filter((range) => range.count > 0);
  });
}

/** Puts ranges of host ids one after the other, from `nsId` on. */
export function stack(ranges: readonly { start: number; count: number }[], nsId = 0): IdRange[] {
  let next = nsId;
  return ranges.map(({ start, count }) => {
    const range = { nsId: next, hostId: start, count };
    next += count;
    return range;
  });
}

/** The first `count` ids of a list of host ranges. */
export function take(
  ranges: readonly { start: number; count: number }[],
  count: number,
  skip = 0,
): { start: number; count: number }[] {
  const taken: { start: number; count: number }[] = [];
  let left = count;
  let toSkip = skip;
  for (const range of ranges) {
    const skipped = Math.min(toSkip, range.count);
    toSkip -= skipped;
    const size = Math.min(range.count - skipped, left);
    if (size > 0) taken.push({ start: range.start + skipped, count: size });
    left -= size;
  }
  return taken;
}

/** What goes into `/proc/PID/uid_map`. */
export function mapText(ranges: readonly IdRange[]): string {
  return ranges.map((r) => `${r.nsId} ${r.hostId} ${r.count}\n`).join("");
}

/** Arguments of newuidmap(1) after the pid. */
export function newidmapArgs(ranges: readonly IdRange[]): string[] {
  return ranges.flatMap((r) => [String(r.nsId), String(r.hostId), String(r.count)]);
}

/**
 * Fails unless a map can be written: ids in range, no id twice on either side.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function checkMap(map: IdMap): void {
  for (const ranges of [map.uids, map.gids]) {
    for (const [index, range] of ranges.entries()) {
      const sane = [range.nsId, range.hostId].every((id) => Number.isSafeInteger(id) && id >= 0) &&
        range.count > 0 &&
        Math.max(range.nsId, range.hostId) + range.count <= 2 ** 32 - 1;
      if (!sane) throw badMap(`${range.nsId} ${range.hostId} ${range.count} is no range of ids`);
      const clash = ranges.slice(index + 1).some((other) =>
        overlap(range.nsId, other.nsId, range.count, other.count) ||
        overlap(range.hostId, other.hostId, range.count, other.count)
      );
      if (clash) throw badMap(`two ranges share ids with ${range.nsId} ${range.hostId} ${range.count}`);
    }
  }
}

const overlap = (a: number, b: number, countA: number, countB: number) => a < b + countB && b < a + countA;
const badMap = (why: string) => new DreyError("BAD_REQUEST", { message: `Invalid id map: ${why}` });

/** LXD's JSON of a map, as kept in `volatile.idmap.current`. */
export function formatMap(map: IdMap): string {
  const entries = (ranges: IdRange[], uid: boolean): VolatileEntry[] =>
    ranges.map((r) => ({ Isuid: uid, Isgid: !uid, Hostid: r.hostId, Nsid: r.nsId, Maprange: r.count }));
  return JSON.stringify([...entries(map.uids, true), ...entries(map.gids, false)]);
}

/** Reads LXD's JSON of a map. */
export function parseMap(text: string): IdMap {
  const entries = JSON.parse(text) as VolatileEntry[];
  const ranges = (wanted: (entry: VolatileEntry) => boolean) =>
    entries.filter(wanted).map((e) => ({ nsId: e.Nsid, hostId: e.Hostid, count: e.Maprange }));
  const map = { uids: ranges((e) => e.Isuid), gids: ranges((e) => e.Isgid) };
  checkMap(map);
  return map;
}

/** A short name for a map, equal for equal maps: `u100000-65536`. */
export function mapId(map: IdMap): string {
  const part = (ranges: IdRange[]) =>
    ranges.map((r) => `${r.nsId === 0 ? "" : `${r.nsId}.`}${r.hostId}-${r.count}`).join("+");
  const uids = part(map.uids);
  const gids = part(map.gids);
  const id = uids === gids ? `u${uids}` : `u${uids}g${gids}`;
  // a name of a file has 255 bytes at most
  return id.length <= 120 ? id : `${id.slice(0, 60)}-${longHash(id)}`;
}

/** Whether a map holds nothing but one id, so that no change of user or group is possible inside. */
export function isSingle(map: IdMap): boolean {
  return [map.uids, map.gids].every((ranges) => ranges.length === 1 && ranges[0]?.count === 1);
}
