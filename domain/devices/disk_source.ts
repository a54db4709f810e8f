// What a disk is mounted from: a path of the host, looked at as the caller, who must be allowed to read it.

import { DreyError } from "../../errors.ts";

export interface FoundSource {
  /** the path without links */
  source: string;
  /** device and inode, so that what is mounted later is what was looked at */
  id: string;
  /** other file systems that are mounted below it */
  mountsBelow: string[];
}

/**
 * Looks a path of the host up.
 *
 * @returns undefined if it is not there and need not be
 * @throws {DreyError} `BAD_REQUEST` if it is not there, `FORBIDDEN` if the caller may not read it or a link on the way
 * is another's
 */
export async function findHostSource(
  path: string,
  { name, isRequired }: { name: string; isRequired: boolean },
): Promise<FoundSource | undefined> {
  const found = await findHostFile(path, { name, isRequired });
  if (found === undefined) return undefined;
  const { source, stat } = found;
  if (stat.isBlockDevice || stat.isCharDevice) throw isNode(name, path);
  return { source, id: `${stat.dev}:${stat.ino}`, mountsBelow: mountsBelow(source) };
}

/** The same for what may also be a device's node, which is not opened. */
export async function findHostFile(
  path: string,
  { name, isRequired }: { name: string; isRequired: boolean },
): Promise<{ source: string; stat: Deno.FileInfo } | undefined> {
  try {
    refuseForeignLinks(path, name);
    const source = await Deno.realPath(path);
    const stat = await Deno.stat(source);
    if (stat.isDirectory || stat.isFile) await mustRead(source, stat.isDirectory);
    return { source, stat };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      if (!isRequired) return undefined;
      throw new DreyError("BAD_REQUEST", {
        message: `Device "${name}": the source "${path}" does not exist`,
        hint: "Set required=false if the instance can start without it",
        cause: error,
      });
    }
    if (error instanceof Deno.errors.PermissionDenied) throw unreadable(name, path, error);
    throw error;
  }
}

/** A link that somebody else made, such as the root of a container in a directory shared with it, decides nothing. */
function refuseForeignLinks(path: string, name: string): void {
  let walked = "";
  for (const part of path.split("/").filter((word) => word !== "")) {
    walked += `/${part}`;
    const { isSymlink, uid } = Deno.lstatSync(walked);
    if (!isSymlink || uid === 0 || uid === Deno.uid()) continue;
    throw new DreyError("FORBIDDEN", {
      message: `Device "${name}": "${walked}" on the way to the source is a link that belongs to user ${uid}`,
      hint: "Name the directory it leads to",
    });
  }
}

async function mustRead(source: string, isDirectory: boolean): Promise<void> {
  if (isDirectory) {
    for await (const _ of Deno.readDir(source)) break;
    return;
  }
  (await Deno.open(source, { read: true })).close();
}

/** Mount points below a directory, proc_pid_mountinfo(5). */
function mountsBelow(source: string): string[] {
  const below = source === "/" ? "/" : `${source}/`;
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n").flatMap((line) => {
    const point = (line.split(" ")[4] ?? "").replace(
      /\\([0-7]{3})/g,
      (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
    );
    return point.startsWith(below) && point !== "/" ? [point] : [];
  });
}

const isNode = (name: string, path: string) =>
  new DreyError("BAD_REQUEST", {
    message:
      `Device "${name}": the source "${path}" is a device node, which needs a device of type unix-char or unix-block`,
  });

function unreadable(name: string, path: string, cause: Error): DreyError {
  return new DreyError("FORBIDDEN", {
    message: `Device "${name}": you may not read the source "${path}"`,
    cause,
  });
}
