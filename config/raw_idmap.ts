// The value of raw.idmap: lines such as `both 1000 1000` or `uid 50-60 500-510`, host ids first.

import type { Parsed, ValueType } from "./types.ts";

interface Range {
  nsId: number;
  hostId: number;
  count: number;
}

export interface RawIdmap {
  uids: Range[];
  gids: Range[];
}

const wanted =
  'lines such as "both 1000 1000": both, uid or gid, then an id or range of the host, then one inside';

export const rawIdmap: ValueType<RawIdmap> = { name: "blob", wanted, parse };

function parse(text: string): Parsed<RawIdmap> {
  const map: RawIdmap = { uids: [], gids: [] };
  for (const line of text.split("\n").map((words) => words.trim()).filter((words) => words !== "")) {
    const [kind = "", host = "", inside = "", ...rest] = line.split(/\s+/);
    const from = parseRange(host);
    const to = parseRange(inside);
    const isSane = ["both", "uid", "gid"].includes(kind) && rest.length === 0;
    if (!isSane || from === undefined || to === undefined) return { problem: `expected ${wanted}` };
    if (from.count !== to.count) return { problem: "expected ranges of the same length on both sides" };
    // root of a container is never the caller: an escape must land as somebody who owns nothing
    if (to.first === 0) {
      return { problem: "expected another id inside than 0: root of an instance stands for nobody outside" };
    }
    if (from.first === 0) return { problem: "expected another id of the host than 0" };
    const range = { nsId: to.first, hostId: from.first, count: from.count };
    if (kind !== "gid") map.uids.push(range);
    if (kind !== "uid") map.gids.push(range);
  }
  return overlaps(map.uids) || overlaps(map.gids) ? { problem: "expected no id twice" } : { value: map };
}

function parseRange(text: string): { first: number; count: number } | undefined {
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return last < first || last >= 2 ** 32 - 1 ? undefined : { first, count: last - first + 1 };
}

function overlaps(ranges: readonly Range[]): boolean {
  return ranges.some((a, index) =>
    ranges.slice(index + 1).some((b) =>
      (["nsId", "hostId"] as const).some((side) => a[side] < b[side] + b.count && b[side] < a[side] + a.count)
    )
  );
}
