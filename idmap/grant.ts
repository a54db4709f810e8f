// The command by which an administrator gives a user subordinate ids that are nobody's yet; usermod(8).

import { readIfThere } from "../sys/present.ts";
import type { IdMap, IdRange } from "./map.ts";
import type { Account, SubRange } from "./ranges.ts";

/** Ids below are accounts' own; useradd(8) begins here. */
const lowest = 100_000;

/** The command for so many ids for a user. */
export function grantCommand(user: string, count = 65_536): string {
  const start = firstFree(
    ["/etc/subuid", "/etc/subgid"].flatMap((path) => linesOf(readIfThere(path) ?? "")),
    count,
  );
  const range = `${start}-${start + count - 1}`;
  return `usermod --add-subuids ${range} --add-subgids ${range} ${user}`;
}

/**
 * What to do where the ids of a map are a user's no longer: have them back, unless they are somebody else's by now. Who
 * shares ids could read and write each other's files.
 *
 * @param subuids text of a subuid(5) file
 */
export function idsBack(
  user: string,
  map: IdMap,
  subuids = readIfThere("/etc/subuid") ?? "",
): string {
  const missing = map.uids.find(({ count }) => count > 1)?.hostId ?? 0;
  const owner = linesOf(subuids).find(({ start, count }) => missing >= start && missing < start + count)
    ?.owner;
  if (owner !== undefined && owner !== user) {
    return `They are those of ${owner}: move instances between users by drey export and drey import`;
  }
  const flags = (flag: string, ranges: readonly IdRange[]) =>
    ranges.filter(({ count }) => count > 1)
      .map(({ hostId, count }) => `${flag} ${hostId}-${hostId + count - 1}`);
  const words = ["usermod", ...flags("--add-subuids", map.uids), ...flags("--add-subgids", map.gids), user];
  return `Ask an administrator to give them back: ${words.join(" ")}`;
}

/**
 * Another user who was given some of these ids too.
 *
 * @param lines text of a subuid(5) file
 */
export function sharedWith(
  { name, uid }: Account,
  ranges: readonly SubRange[],
  lines: string,
): string | undefined {
  return linesOf(lines).find(({ owner, start, count }) =>
    owner !== name && owner !== String(uid) &&
    ranges.some((own) => start < own.start + own.count && own.start < start + count)
  )?.owner;
}

/** Where so many ids begin that are in no range: who shared them could read and write each other's files. */
export function firstFree(taken: readonly SubRange[], count: number): number {
  const isFree = (start: number) =>
    taken.every((range) => start + count <= range.start || range.start + range.count <= start);
  const starts = [lowest, ...taken.map(({ start, count }) => start + count)].filter((start) =>
    start >= lowest
  );
  return starts.filter(isFree).reduce((a, b) => Math.min(a, b), Infinity);
}

/** Every line of a subuid(5) file. */
function linesOf(text: string): (SubRange & { owner: string })[] {
  return [...text.matchAll(/^([^:\n]+):(\d+):(\d+)\s*$/gm)].map(([, owner = "", start, count]) => ({
    owner,
    start: Number(start),
    count: Number(count),
  }));
}
