// Reading the small files of /sys and /proc, where whatever a machine lacks is a file that is missing.

/** What a file says, without the blanks around it; "" if it is not there, not ours to read, or has no value now. */
export function readValue(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    // a device without that property: ENOENT, EACCES, EINVAL, ENODEV, ENXIO, whatever its driver thinks fit
    return "";
  }
}

/** The same as a number; `otherwise` if it is none. */
export function readNumber(path: string, otherwise = 0): number {
  const text = readValue(path);
  const number = Number(text);
  return text === "" || Number.isNaN(number) ? otherwise : number;
}

/** Names in a directory, in the order of numbers where they hold some; none if there is no directory. */
export function readNames(directory: string): string[] {
  try {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Where a link leads, as an absolute path; "" if there is none. */
export function resolveLink(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The last part of where a link leads. */
export const linkName = (path: string): string => resolveLink(path).split("/").at(-1) ?? "";
