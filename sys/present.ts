// Files that may be there or not, which is no error to those who ask here; every other failure is one.

import { factsOf } from "./file_facts.ts";

/** the bits of a mode that are the kind of a file, and that of a directory; inode(7) */
const [S_IFMT, S_IFDIR] = [0o170000, 0o040000];

/**
 * What `look` finds at a path, or undefined if there is no such file. That is asked first: the first error of a process
 * takes Deno 0.3 ms.
 */
export function ifThere<T>(path: string, look: (path: string) => T): T | undefined {
  try {
    return factsOf(path) === undefined ? undefined : look(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || endedMeanwhile(error, path)) return undefined;
    throw error;
  }
}

/**
 * Whether what a file of the kernel tells about ended after the file was found: a process (ESRCH), a cgroup
 * (ENODEV) or an interface, whose attributes are then invalid (EINVAL).
 *
 * @see proc(5), sysfs(5)
 */
export function endedMeanwhile(error: unknown, path: string): boolean {
  const errno = error instanceof Error ? / \(os error (\d+)\)/.exec(error.message)?.[1] : undefined;
  if (errno === "3") return path.startsWith("/proc/");
  if (errno === "19") return path.startsWith("/sys/");
  return errno === "22" && path.startsWith("/sys/class/net/");
}

/** Whether a path exists, be it a link that leads nowhere. */
export const exists = (path: string): boolean => ifThere(path, () => true) ?? false;

/** Whether a path is a directory, and no link to one. */
export const isDirectory = (path: string): boolean =>
  ((ifThere(path, factsOf)?.mode ?? 0) & S_IFMT) === S_IFDIR;

/** Names in a directory; none if there is no such directory. */
export const namesIn = (directory: string): string[] =>
  ifThere(directory, () => [...Deno.readDirSync(directory)].map(({ name }) => name)) ?? [];

/** The text of a file. */
export const readIfThere = (path: string): string | undefined => ifThere(path, Deno.readTextFileSync);

/**
 * What a file of JSON about something that runs says. One that was cut short says nothing: drey renames such files into
 * place, so the host has lost its power since, and with it whatever ran.
 */
export function readJsonIfThere<T>(path: string): T | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether this user may open a device to read and write. */
export function canOpen(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return true;
  } catch {
    return false; // absent, or not for this user
  }
}

/** Removes a file, if it is there. */
export const removeIfThere = (path: string): void => ifThere(path, () => Deno.removeSync(path));

/** The same beside other work, since a disk may want milliseconds for it; with `recursive` a tree too. */
export async function discard(path: string, options: Deno.RemoveOptions = {}): Promise<void> {
  try {
    if (exists(path)) await Deno.remove(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The bytes of a file. */
export async function bytesIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
