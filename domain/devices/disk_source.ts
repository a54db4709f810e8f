// What a disk is mounted from: a path of the host, looked at as the caller, who must be allowed to read it.

import { DreyError } from "../../errors.ts";
import { closeFd, openPlain } from "../../sys/descriptors.ts";
import { SysError } from "../../sys/libc.ts";
import type { Context, Ref } from "../context.ts";
import { projectKey, type ProjectRecord } from "../projects/effective.ts";
import { diskPaths } from "../projects/restrictions.ts";

export interface FoundSource {
  /** the path without links */
  source: string;
  /** device and inode, so that what is mounted later is what was looked at */
  id: string;
  /** other file systems that are mounted below it */
  mountsBelow: string[];
}

/** What is wanted of the host, and by which device. */
export interface SourceWish {
  /** the device */
  name: string;
  isRequired: boolean;
  /** directories that it must be below, and the project that says so */
  bounds: DiskBounds | undefined;
}

export interface DiskBounds {
  project: string;
  paths: readonly string[];
}

/** Where a project lets sources of disks be; undefined where that is anywhere. */
export async function diskBounds(context: Context, { project }: Ref): Promise<DiskBounds | undefined> {
  const entry = await context.store.get<ProjectRecord>(projectKey(project));
  const paths = entry === undefined ? undefined : diskPaths(entry.value.config);
  return paths === undefined ? undefined : { project, paths };
}

/**
 * Looks a path of the host up.
 *
 * @returns undefined if it is not there and need not be
 * @throws {DreyError} `BAD_REQUEST` if it is not there, `FORBIDDEN` if the caller may not read it, a link on the way is
 * another's, or it leads out of where the project lets it be
 */
export async function findHostSource(path: string, wish: SourceWish): Promise<FoundSource | undefined> {
  const found = await findHostFile(path, wish);
  if (found === undefined) return undefined;
  const { source, stat } = found;
  if (stat.isBlockDevice || stat.isCharDevice) throw isNode(wish.name, path);
  return { source, id: `${stat.dev}:${stat.ino}`, mountsBelow: mountsBelow(source) };
}

/** The same for what may also be a device's node, which is not opened. */
export async function findHostFile(
  path: string,
  { name, isRequired, bounds }: SourceWish,
): Promise<{ source: string; stat: Deno.FileInfo } | undefined> {
  try {
    const source = withoutLinks(path, name);
    if (bounds !== undefined) await mustBeWithin(source, { name, bounds });
    const fd = openPlain(source);
    try {
      // what was opened, whatever is at its path by now
      const opened = `/proc/self/fd/${fd}`;
      const stat = await Deno.stat(opened);
      if (stat.isDirectory || stat.isFile) await mustRead(opened, stat.isDirectory);
      return { source, stat };
    } finally {
      closeFd(fd);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isErrno(error, "ENOENT")) {
      if (!isRequired) return undefined;
      throw new DreyError("BAD_REQUEST", {
        message: `Device "${name}": the source "${path}" does not exist`,
        hint: "Set required=false if the instance can start without it",
        cause: error,
      });
    }
    if (error instanceof Deno.errors.PermissionDenied || isErrno(error, "EACCES")) {
      throw unreadable(name, path, error);
    }
    throw error;
  }
}

const isErrno = (error: unknown, errno: string) => error instanceof SysError && error.errno === errno;

/**
 * The path with every link on it followed. A link that somebody else made, such as the root of a container in a
 * directory shared with it, decides nothing, also if it comes while we look.
 */
function withoutLinks(path: string, name: string): string {
  const parts = path.split("/");
  let walked = "";
  for (let links = 0; parts.length > 0;) {
    const part = parts.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      walked = walked.replace(/\/[^/]*$/, "");
      continue;
    }
    const next = `${walked}/${part}`;
    const target = linkTarget(next, name);
    if (target === undefined) {
      walked = next;
      continue;
    }
    if (++links > 40) throw new Deno.errors.NotFound(`Too many links: "${path}"`);
    if (target.startsWith("/")) walked = "";
    parts.unshift(...target.split("/"));
  }
  return walked === "" ? "/" : walked;
}

/** Where a link leads; undefined for what is none. @throws {DreyError} `FORBIDDEN` for somebody else's */
function linkTarget(path: string, name: string): string | undefined {
  const before = Deno.lstatSync(path);
  if (!before.isSymlink) return undefined;
  const target = Deno.readLinkSync(path);
  // a link in the place of the one that was looked at is another file, or has been renamed since
  const after = Deno.lstatSync(path);
  const isSame = after.isSymlink && after.ino === before.ino && after.dev === before.dev &&
    after.ctime?.getTime() === before.ctime?.getTime();
  if (isSame && (before.uid === 0 || before.uid === Deno.uid())) return target;
  throw new DreyError("FORBIDDEN", {
    message:
      `Device "${name}": "${path}" on the way to the source is a link that belongs to user ${after.uid}`,
    hint: "Name the directory it leads to",
  });
}

async function mustBeWithin(
  source: string,
  { name, bounds: { project, paths } }: { name: string; bounds: DiskBounds },
): Promise<void> {
  const real = await Promise.all(paths.map((path) => Deno.realPath(path).catch(absentAsNone)));
  if (real.some((path) => path !== undefined && isWithin(source, path))) return;
  throw new DreyError("FORBIDDEN", {
    message:
      `Device "${name}": its source leads to "${source}", and project "${project}" is restricted by restricted.devices.disk.paths`,
  });
}

const isWithin = (path: string, directory: string) =>
  directory === "/" || `${path}/`.startsWith(`${directory}/`);

function absentAsNone(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
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

function unreadable(name: string, path: string, cause: unknown): DreyError {
  return new DreyError("FORBIDDEN", {
    message: `Device "${name}": you may not read the source "${path}"`,
    cause,
  });
}
