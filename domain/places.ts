// Who runs drey, and where drey keeps things of theirs.

import { join, resolve } from "@std/path";
import { DreyError } from "../errors.ts";
import { factsOf, type FileFacts } from "../sys/file_facts.ts";
import { choosePaths, type Paths } from "../sys/paths.ts";
import type { Context, User } from "./context.ts";

/** Whoever runs this process, and where drey keeps things of theirs. */
export function currentPlaces(): Pick<Context, "paths" | "user"> {
  const { user, home } = whoRuns();
  return { user, paths: pathsOf(user, home) };
}

function pathsOf(user: User, home: string): Paths {
  const env = (name: string) => {
    const value = Deno.env.get(name);
    return value === undefined || value === "" ? undefined : resolve(value);
  };
  const paths = choosePaths({
    env,
    uid: user.uid,
    home,
    owns: (directory) => ownerOf(directory) === user.uid,
    linkedRun: (state) => linkedRun(state, user.uid),
  });
  for (const directory of [paths.state, paths.run]) mustBeOwn(directory, user.uid);
  // plans name paths line by line
  if (!paths.state.includes("\n")) return paths;
  throw new DreyError("STATE_BROKEN", {
    message: `Cannot keep anything in ${JSON.stringify(paths.state)}: there is a line break in it`,
    hint: "Set DREY_DIR to another directory",
  });
}

/** Who owns a directory, or may write to it, can put other records and scripts in the place of drey's. */
function mustBeOwn(directory: string, uid: number): void {
  const facts = lookAt(directory);
  if (facts === undefined || facts.uid === uid) return;
  const { uid: owner, mode } = facts;
  const isOpen = (mode & 0o2) !== 0;
  if (owner === 0 && !isOpen) return;
  throw new DreyError("FORBIDDEN", {
    message: `Cannot keep anything in "${directory}": ${
      owner === 0 ? "everybody may write to it" : `it belongs to user ${owner}`
    }, and what drey runs could be replaced`,
    hint: "Set DREY_DIR to a directory of your own, or to one that does not exist yet",
  });
}

/** What the link `run` in the state directory leads to, if that is there. */
function linkedRun(state: string, uid: number): string | undefined {
  const link = join(state, "run");
  try {
    if (!Deno.lstatSync(link).isSymlink) return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
  const target = Deno.readLinkSync(link);
  return ownerOf(target) === uid ? target : undefined;
}

/** The first line of /etc/passwd with the uid; users it does not know (NSS) are named by the environment. */
function whoRuns(): { user: User; home: string } {
  const uid = Deno.uid() ?? 0;
  const gid = Deno.gid() ?? 0;
  const line = passwd().map((text) => text.split(":")).find((fields) => fields[2] === `${uid}`);
  const name = line?.[0] ?? Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? `${uid}`;
  const home = Deno.env.get("HOME") ?? line?.[5] ?? "/";
  return { user: { uid, gid, name }, home };
}

function passwd(): string[] {
  try {
    return Deno.readTextFileSync("/etc/passwd").split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const ownerOf = (directory: string): number | undefined => lookAt(directory)?.uid;

function lookAt(directory: string): FileFacts | undefined {
  try {
    return factsOf(directory, { follow: true });
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
