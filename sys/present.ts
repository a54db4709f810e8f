// Files that may be there or not, which is no error to those who ask here; every other failure is one.

/** What `look` finds, or undefined if there is no such file. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a path exists, be it a link that leads nowhere. */
export const exists = (path: string): boolean => ifThere(() => Deno.lstatSync(path)) !== undefined;

/** Whether a path is a directory, and no link to one. */
export const isDirectory = (path: string): boolean =>
  ifThere(() => Deno.lstatSync(path).isDirectory) ?? false;

/** Names in a directory; none if there is no such directory. */
export const namesIn = (directory: string): string[] =>
  ifThere(() => [...Deno.readDirSync(directory)].map(({ name }) => name)) ?? [];

/** The text of a file. */
export const readIfThere = (path: string): string | undefined => ifThere(() => Deno.readTextFileSync(path));

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
export const removeIfThere = (path: string): void => ifThere(() => Deno.removeSync(path));
