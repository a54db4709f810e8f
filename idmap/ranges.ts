// Which ids a user may hand out: /etc/subuid and /etc/subgid, or what NSS says; subuid(5), getsubids(1).

import { DreyError } from "../errors.ts";
import { readIfThere } from "../sys/present.ts";
import { run } from "../sys/run.ts";
import { type IdMap, stack, take } from "./map.ts";

export interface SubRange {
  /** first host id */
  start: number;
  count: number;
}

export interface SubRanges {
  uids: SubRange[];
  gids: SubRange[];
}

export interface Account {
  uid: number;
  gid: number;
  name: string;
}

/**
 * How ids are laid out for one drey user.
 * - `root`: the kernel lets us write any map; containers stand side by side below the host.
 * - `ranges`: a parent namespace (0 is the user, 1… the sub-ids) holds child namespaces whose ids are sub-ids.
 * - `single`: no sub-ids; the only id inside is 0, and it is the user.
 */
export interface IdLayout {
  kind: "root" | "ranges" | "single";
  /** the parent namespace in host ids; absent for root, who needs none */
  parent: IdMap | undefined;
  /** what a container gets unless it asks for its own */
  container: IdMap;
  ranges: SubRanges;
}

/** LXD's own choice where root has no line in /etc/subuid. */
const rootDefault: SubRange = { start: 1_000_000, count: 1_000_000_000 };
/** ids of an ordinary container; `nobody` is 65534 */
const usualCount = 65_536;

/** Lines of a subuid(5) file that belong to a user, by name or by number. */
export function parseSubFile(text: string, account: Account): SubRange[] {
  const owners = [account.name, String(account.uid)];
  return text.split("\n").flatMap((line) => {
    const [owner, start, count] = line.trim().split(":");
    if (owner === undefined || !owners.includes(owner)) return [];
    const range = { start: Number(start), count: Number(count) };
    return Number.isSafeInteger(range.start) && range.count > 0 ? [range] : [];
  });
}

/** Lines of getsubids(1): `0: drey 100000 65536`. */
export function parseGetsubids(text: string): SubRange[] {
  return [...text.matchAll(/^\d+: \S+ (\d+) (\d+)$/gm)].map(([, start, count]) => ({
    start: Number(start),
    count: Number(count),
  }));
}

/** The layout that follows from a user's ranges. */
export function chooseLayout(account: Account, ranges: SubRanges): IdLayout {
  if (account.uid === 0) {
    return {
      kind: "root",
      parent: undefined,
      container: { uids: stack(ranges.uids), gids: stack(ranges.gids) },
      ranges,
    };
  }
  const own = { uids: [{ start: account.uid, count: 1 }], gids: [{ start: account.gid, count: 1 }] };
  if (ranges.uids.length === 0 || ranges.gids.length === 0) {
    const map = { uids: stack(own.uids), gids: stack(own.gids) };
    return { kind: "single", parent: map, container: map, ranges: { uids: [], gids: [] } };
  }
  return {
    kind: "ranges",
    parent: { uids: stack([...own.uids, ...ranges.uids]), gids: stack([...own.gids, ...ranges.gids]) },
    container: { uids: stack(take(ranges.uids, usualCount)), gids: stack(take(ranges.gids, usualCount)) },
    ranges,
  };
}

/**
 * A map of its own for an isolated instance: `size` ids that no other isolated instance uses and that lie beyond
 * the ids ordinary containers share.
 *
 * @param taken host ranges of the other isolated instances
 * @param base first host id, when the caller insists on one
 * @throws {DreyError} `SUBID_MISSING` if the ranges have no such room
 */
export function carveIsolated(
  layout: IdLayout,
  { size = usualCount, base, taken }: { size?: number; base?: number; taken: readonly SubRange[] },
): IdMap {
  const fits = (start: number) =>
    taken.every((other) => start + size <= other.start || other.start + other.count <= start);
  const room = (ranges: readonly SubRange[]) => {
    const shared = layout.kind === "root" ? [] : take(ranges, usualCount);
    const free = (start: number) =>
      fits(start) && shared.every((s) => start + size <= s.start || s.start + s.count <= start);
    for (const range of ranges) {
      const end = range.start + range.count - size;
      const first = layout.kind === "root" ? range.start + usualCount : range.start;
      if (base !== undefined) {
        if (base >= range.start && base <= end && fits(base)) return base;
        continue;
      }
      const starts = [first, ...[...taken, ...shared].map((t) => t.start + t.count)].filter((s) =>
        s >= range.start
      );
      const found = starts.sort((a, b) => a - b).find((start) => start <= end && free(start));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const uid = room(layout.ranges.uids);
  const gid = room(layout.ranges.gids);
  if (uid === undefined || gid === undefined) {
    throw new DreyError("SUBID_MISSING", {
      message: `Cannot isolate the instance: no ${size} subordinate ids are free${
        base === undefined ? "" : ` at ${base}`
      }`,
      hint: "Ask an administrator for more, by --add-subuids and --add-subgids of usermod(8)",
    });
  }
  return { uids: stack([{ start: uid, count: size }]), gids: stack([{ start: gid, count: size }]) };
}

/** Reads the user's ranges from the files, or from getsubids(1) where nsswitch.conf sends the question elsewhere. */
async function readRanges(account: Account): Promise<SubRanges> {
  if (/^subid:(?!\s*files\s*$)/m.test(readIfThere("/etc/nsswitch.conf") ?? "")) {
    const ask = async (flags: string[]) => {
      const answer = await run(["getsubids", ...flags, account.name]);
      return answer.code === 0 ? parseGetsubids(answer.stdout) : [];
    };
    return { uids: await ask([]), gids: await ask(["-g"]) };
  }
  const read = (path: string) => parseSubFile(readIfThere(path) ?? "", account);
  return { uids: read("/etc/subuid"), gids: read("/etc/subgid") };
}

/** The layout of this user on this host. */
export async function readLayout(account: Account): Promise<IdLayout> {
  const { uids, gids } = await readRanges(account);
  const orRoots = (ranges: SubRange[], map: string) =>
    account.uid === 0 && ranges.length === 0 ? [rootRange(readIfThere(map) ?? "")] : ranges;
  return chooseLayout(account, {
    uids: orRoots(uids, "/proc/self/uid_map"),
    gids: orRoots(gids, "/proc/self/gid_map"),
  });
}

/**
 * Root's range where no file names one, by its own map as in `/proc/PID/uid_map`: LXD's choice, or, for root of a
 * container, what the container has beside root itself.
 */
export function rootRange(map: string): SubRange {
  const own = [...map.matchAll(/^ *(\d+) +\d+ +(\d+)$/gm)].map(([, start, count]) => ({
    start: Number(start),
    end: Number(start) + Number(count),
  }));
  const { start, count } = rootDefault;
  const widest = own.toSorted((a, b) => (b.end - b.start) - (a.end - a.start))[0];
  const hasDefault = own.some((range) => range.start <= start && start + count <= range.end);
  if (widest === undefined || hasDefault) return rootDefault;
  const first = Math.max(widest.start, 1);
  return { start: first, count: widest.end - first };
}

/** What a container of this user gets unless it asks for its own. */
export async function defaultMap(account: Account): Promise<IdMap> {
  return (await readLayout(account)).container;
}
