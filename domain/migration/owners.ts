// Owners of files that come from another server: LXD sends ids of its host, and says which ids inside those stand for.
// Files are received in a user namespace in which these numbers stand for the ids the instance has here. Pure.

import { DreyError } from "../../errors.ts";
import type { IdMap, IdRange } from "../../idmap/map.ts";
import type { IdLayout } from "../../idmap/ranges.ts";

/** In which ids files are received. */
export interface Receiving {
  /** ids as they come, and those of this host they become */
  map: IdMap;
  /** numbers that root's own files are given, where root there is not root inside: what LXD keeps beside the files */
  root?: { uid: number; gid: number };
}

/**
 * @param theirs which ids files come with; none if these are the ids inside
 * @param ours the ids of the instance here
 * @throws {DreyError} `SUBID_MISSING` for a user without ids for that
 */
export function receivingMap(theirs: IdMap, { ours, layout }: { ours: IdMap; layout: IdLayout }): Receiving {
  if (theirs.uids.length + theirs.gids.length === 0) return { map: ours };
  if (layout.kind === "single") {
    throw new DreyError("SUBID_MISSING", {
      message: "Cannot take files of other ids than root's: without subordinate ids there is one id inside",
      hint: "Ask an administrator for subordinate ids; drey doctor says how",
    });
  }
  const kinds = ["uids", "gids"] as const;
  const isRoot = (kind: typeof kinds[number]) => theirs[kind].some(({ hostId }) => hostId === 0);
  const plain = (kind: typeof kinds[number]) => theirs[kind].flatMap((range) => met(range, ours[kind]));
  if (kinds.every(isRoot)) return { map: { uids: plain("uids"), gids: plain("gids") } };
  // rsync gives owners to files as root alone, who must be somebody here: an id that the instance has not
  const withRoot = (kind: typeof kinds[number]): IdRange[] => {
    if (isRoot(kind)) return plain(kind);
    const { id, rest } = spareId(layout, kind, ours[kind]);
    return [{ nsId: 0, hostId: id, count: 1 }, ...theirs[kind].flatMap((range) => met(range, rest))];
  };
  return {
    map: { uids: withRoot("uids"), gids: withRoot("gids") },
    root: { uid: numberOf(theirs.uids), gid: numberOf(theirs.gids) },
  };
}

/** What of a range of theirs has ids here. */
function met({ nsId, hostId, count }: IdRange, ours: readonly IdRange[]): IdRange[] {
  return ours.flatMap((range) => {
    const start = Math.max(nsId, range.nsId);
    const end = Math.min(nsId + count, range.nsId + range.count);
    if (end <= start) return [];
    return [{ nsId: hostId + start - nsId, hostId: range.hostId + start - range.nsId, count: end - start }];
  });
}

/** Number of root inside as it comes. */
function numberOf(theirs: readonly IdRange[]): number {
  const range = theirs.find(({ nsId, count }) => nsId <= 0 && count > 0);
  if (range !== undefined) return range.hostId - range.nsId;
  throw new DreyError("BAD_REQUEST", { message: "The other server maps no root for the instance" });
}

/** An id that the instance has not: the user's last one, or else its own last one, which then nothing can belong to. */
function spareId(
  { ranges }: IdLayout,
  kind: "uids" | "gids",
  ours: readonly IdRange[],
): { id: number; rest: readonly IdRange[] } {
  const last = ranges[kind].at(-1);
  const id = last === undefined ? undefined : last.start + last.count - 1;
  const isTaken = (id: number) => ours.some(({ hostId, count }) => id >= hostId && id < hostId + count);
  if (id !== undefined && !isTaken(id)) return { id, rest: ours };
  const end = ({ nsId, count }: IdRange) => nsId + count;
  const [highest, ...others] = ours.toSorted((a, b) => end(b) - end(a));
  if (highest === undefined) throw new Error("an instance has ids");
  const rest = [...others, { ...highest, count: highest.count - 1 }].filter(({ count }) => count > 0);
  return { id: highest.hostId + highest.count - 1, rest };
}
