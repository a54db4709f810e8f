// Where things lie in a pool, in LXD's layout: KIND/NAME for a volume, KIND-snapshots/NAME/SNAPSHOT for what was kept
// of it, and temporary/ for what is being made or removed.

import { dirname, join } from "@std/path";
import { exchangePaths } from "../sys/file_systems.ts";
import { findAbandoned, othersDone, partialName } from "../sys/partial.ts";
import { exists, namesIn } from "../sys/present.ts";
import type { Hands, PoolHost, Volume, VolumeKind } from "./driver.ts";

/** Directory of a volume or of a snapshot. */
export function placeOf(pool: string, { kind, name, snapshot }: Volume): string {
  return snapshot === undefined ? join(pool, kind, name) : join(snapshotsOf(pool, { kind, name }), snapshot);
}

/** Directory of a volume's snapshots. */
export const snapshotsOf = (pool: string, { kind, name }: { kind: VolumeKind; name: string }): string =>
  join(pool, `${kind}-snapshots`, name);

/** A name in temporary/ that tells whose work it is: this process's, or another one's. */
export function temporaryPlace(pool: string, what: string, pid = Deno.pid): string {
  const directory = join(pool, "temporary");
  Deno.mkdirSync(directory, { recursive: true, mode: 0o711 });
  return partialName(join(directory, what), pid);
}

/** Makes something under a temporary name; if that fails, what is there of it goes at once. */
export async function making<T>(
  host: PoolHost,
  what: string,
  work: (made: string) => Promise<T>,
  remove: (paths: readonly string[]) => Promise<void> = (paths) => removeTrees(host.hands, paths),
): Promise<T> {
  const made = temporaryPlace(host.directory, what);
  try {
    return await work(made);
  } catch (error) {
    await remove([made]).catch(() => {}); // the next command does, and what failed first is what counts
    throw error;
  }
}

/** Unfinished work of killed processes. */
export const abandonedIn = (pool: string): string[] => findAbandoned(join(pool, "temporary"));

/** Waits for those who still remove something, and removes what is left of it. */
export async function cleared(hands: Hands, pool: string): Promise<void> {
  await othersDone(join(pool, "temporary"));
  await removeTrees(hands, abandonedIn(pool));
}

/** Moves directories out of sight, so that they are gone at once, and answers with where they are now. */
export function moveAway(pool: string, paths: readonly string[], pid = Deno.pid): string[] {
  return paths.filter(exists).map((path) => {
    const doomed = temporaryPlace(pool, "removed", pid);
    Deno.renameSync(path, doomed);
    return doomed;
  });
}

/** Moves what lies under one name to where another one says: of a volume, its snapshots too. */
export function movePlaces(pool: string, from: Volume, to: Volume): void {
  move(placeOf(pool, from), placeOf(pool, to));
  if (from.snapshot === undefined) move(snapshotsOf(pool, from), snapshotsOf(pool, to));
}

function move(from: string, to: string): void {
  if (!exists(from)) return;
  Deno.mkdirSync(dirname(to), { recursive: true, mode: 0o711 });
  Deno.renameSync(from, to);
}

/** The directory of a volume's snapshots goes with the last of them. */
export function removeIfEmptied(pool: string, volume: Volume): void {
  const directory = snapshotsOf(pool, volume);
  if (exists(directory) && namesIn(directory).length === 0) Deno.removeSync(directory);
}

/** Removes trees, whoever their files belong to. */
export async function removeTrees(hands: Hands, paths: readonly string[]): Promise<void> {
  // to try it alone first takes as long as to have it done
  const foreign = await hands.isOpen() ? paths : paths.filter((path) => !removedAsOwn(path));
  if (foreign.length > 0) await hands.run(["rm", "-rf", "--", ...foreign]);
}

function removedAsOwn(path: string): boolean {
  try {
    Deno.removeSync(path, { recursive: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** Moves away and removes. */
export async function discard({ directory, hands }: PoolHost, paths: readonly string[]): Promise<void> {
  await removeTrees(hands, moveAway(directory, paths));
}

/** A new directory that appears in its place whole, instead of what may be there. */
export async function publish(host: PoolHost, made: string, place: string): Promise<void> {
  await putInPlace(host.directory, { made, place }, (old) => removeTrees(host.hands, [old]));
}

/** Puts what is made in its place whole, instead of what may be there, which `drop` then removes. */
export async function putInPlace(
  directory: string,
  { made, place }: { made: string; place: string },
  drop: (old: string) => Promise<void>,
): Promise<void> {
  if (!exists(place)) {
    Deno.mkdirSync(join(place, ".."), { recursive: true, mode: 0o711 });
    return Deno.renameSync(made, place);
  }
  if (exchangePaths(made, place)) return await drop(made);
  const [old = ""] = moveAway(directory, [place]);
  Deno.renameSync(made, place);
  await drop(old);
}
