// Where drey's cgroups live on this host, and how its processes get in: below a writable cgroup of the caller's, or in
// a delegated scope of the user's systemd manager.

import { cgroup2Path, findHome, readCgroupFacts } from "../runtime/cgroup_home.ts";
import { spawn } from "../sys/run.ts";
import { shortHash } from "../sys/short_hash.ts";
import { joinScope, managerSocket } from "../sys/systemd.ts";
import type { Context } from "./context.ts";

type Places = Pick<Context, "paths" | "user">;

export interface CgroupHome {
  path: string;
  /** whoever stands in this cgroup or below it may move processes into the home; without the slash at its end */
  tree: string;
  /** the scope it is, where systemd gives it */
  scope?: string;
}

/** Two dreys with files in different places keep apart here too. */
function homeName({ paths }: Places): string {
  if (paths.run.startsWith("/run/")) return "drey";
  return `drey-${shortHash(paths.run)}`;
}

/** Where the cgroups of instances go; undefined where this host delegates none to the user. */
export function planHome(context: Places): CgroupHome | undefined {
  const { uid } = context.user;
  const facts = readCgroupFacts(uid);
  const name = homeName(context);
  if (uid !== 0 && facts.mount !== undefined && exists(managerSocket(uid))) {
    const scope = `${name}.scope`;
    const tree = `/${managerTree(uid)}`;
    return { path: `${facts.mount}${tree}/app.slice/${scope}`, tree, scope };
  }
  const path = findHome(facts, name);
  return path === undefined
    ? undefined
    : { path, tree: path.slice(facts.mount?.length, path.lastIndexOf("/")) };
}

const managerTree = (uid: number) => `user.slice/user-${uid}.slice/user@${uid}.service`;

/**
 * Makes sure that the home exists and that this process may move others into it. Dispose it once a process that
 * stays is in there.
 */
export async function openHome(context: Places): Promise<AsyncDisposable> {
  const home = planHome(context);
  if (home?.scope === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  if (!isBelowManager(context)) {
    await joinHome(context);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // a service keeps its own cgroup; somebody else opens the scope
  const holder = spawn(["cat"], { stdin: "piped", stdout: "null", stderr: "null" });
  const end = async () => {
    await holder.stdin.close();
    await holder.status;
  };
  try {
    await joinScope(context.user.uid, { scope: home.scope, below: "/session", pid: holder.pid });
  } catch (error) {
    await end();
    throw error;
  }
  return { [Symbol.asyncDispose]: end };
}

/**
 * Moves this process to where it may move others into an instance's cgroup. Only a process that came from outside
 * the user's manager, such as a login session, has to be moved.
 */
export async function joinHome(context: Places, home = planHome(context)): Promise<void> {
  if (home?.scope === undefined || isBelowManager(context)) return;
  await joinScope(context.user.uid, { scope: home.scope, below: "/session", pid: Deno.pid });
}

/**
 * Moves this process to where it may move others into cgroups below a home that an earlier process opened. Answers
 * whether it may: it must stand in the same delegated tree itself.
 *
 * @param tree the home's, if that is known: who stands in it need not look for it, which takes a millisecond
 */
export async function enterHome(context: Places, home: string, tree?: string): Promise<boolean> {
  if (tree !== undefined && standsIn(tree)) return true;
  const planned = planHome(context);
  if (planned?.scope === undefined) return planned?.path === home;
  await joinHome(context, planned);
  return true;
}

const isBelowManager = ({ user }: Places) => standsIn(`/${managerTree(user.uid)}`);

/** Whether this process is in a cgroup or below it. */
export function standsIn(tree: string): boolean {
  const own = cgroup2Path(Deno.readTextFileSync("/proc/self/cgroup"));
  return `${own}/`.startsWith(`${tree}/`);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
