// A root over the files and cgroups of the user's containers, which belong to sub-ids: opened beside other work, since
// it takes a while, and only where a user needs one.

import { type MappedRoot, openMappedRoot } from "../../idmap/holder.ts";
import { toNamespace } from "../../idmap/map.ts";
import { type IdLayout, readLayout } from "../../idmap/ranges.ts";
import type { Hands } from "../../storage/driver.ts";
import { commandFailed, run, type RunResult } from "../../sys/run.ts";
import { DreyError } from "../../errors.ts";
import type { Context, User } from "../context.ts";

/** Runs commands as root of all the user's ids. */
export interface FileRoot extends Hands, AsyncDisposable {}

interface Opened {
  layout: IdLayout;
  root: MappedRoot | undefined;
}

/** One that was begun before anybody asked for it. */
let early: Promise<Opened> | undefined;

/**
 * Begins to open a root that the first {@link openFileRoot} takes: before there is a context, since it takes longest. One
 * that has begun already will do.
 */
export function beginFileRoot(user: User): void {
  if (early !== undefined) return;
  early = open({ user });
  early.catch(() => {}); // told to whoever uses it
}

/** Begins to open a root; dispose it whether it was used or not. */
export function openFileRoot(context: Context): FileRoot {
  const opened = early ?? open(context);
  early = undefined;
  opened.catch(() => {}); // told to whoever uses it
  return rootOn(() => opened, () => opened);
}

/** The namespace of a root that was begun before anybody asked, for who needs no more of it; it is the caller's then. */
export async function takeEarlyRoot(): Promise<MappedRoot | undefined> {
  const opened = early;
  early = undefined;
  return (await opened)?.root;
}

/** Ends what was begun in vain. */
export async function endEarlyFileRoot(): Promise<void> {
  const opened = await early?.catch(() => undefined);
  early = undefined;
  await opened?.root?.[Symbol.asyncDispose]();
}

/** A root that is opened by the first command. */
export function lazyFileRoot(context: Context): FileRoot {
  let opened: Promise<Opened> | undefined;
  return rootOn(() => opened ??= open(context), () => opened);
}

function rootOn(open: () => Promise<Opened>, present: () => Promise<Opened> | undefined): FileRoot {
  const output = async (argv: readonly string[]) => {
    const { root } = await open();
    const result = await (root === undefined ? run(argv) : root.run(argv));
    if (result.code !== 0) {
      throw root === undefined ? commandFailed(argv[0] ?? "", result) : refused(argv, result);
    }
    return result.stdout;
  };
  return {
    run: async (argv) => void await output(argv),
    output,
    isOpen: async () => (await present()?.catch(() => undefined))?.root !== undefined,
    async heir() {
      const { root } = await open();
      return root && { pid: root.pid, remove: (paths) => root.leave(["rm", "-rf", "--", ...paths]) };
    },
    async own(path, { uid, gid }) {
      const { layout: { kind, parent }, root } = await open();
      // with a single id there is nobody to give it to
      if (kind === "single") return;
      const ids = root === undefined || parent === undefined
        ? [uid, gid]
        : [toNamespace(parent.uids, uid), toNamespace(parent.gids, gid)];
      await output(["chown", "-h", ids.join(":"), "--", path]);
    },
    async [Symbol.asyncDispose]() {
      const opened = await present()?.catch(() => undefined);
      await opened?.root?.[Symbol.asyncDispose]();
    },
  };
}

/** A root of all the user's ids is refused nothing but what belongs to other ids. */
function refused(argv: readonly string[], result: RunResult): DreyError {
  const error = commandFailed(argv[0] ?? "", result);
  if (!/: (Permission denied|Operation not permitted)$/m.test(result.stderr)) return error;
  const hint = "It belongs to ids that are not, or no longer, the user's: see /etc/subuid and /etc/subgid";
  return new DreyError(error.code, { message: error.message, hint, cause: error });
}

async function open({ user }: Pick<Context, "user">): Promise<Opened> {
  const layout = await readLayout(user);
  const { parent, kind } = layout;
  const root = parent === undefined || kind === "single" ? undefined : await openMappedRoot(parent);
  return { layout, root };
}
