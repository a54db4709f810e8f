// cgroup v2 trees: where a user may make them, one branch per instance, limits, freezer, statistics; cgroups(7).
// Knows nothing of instances but a name.
//
//   <home>/supervisors            what waits for instances
//   <home>/<name>                 an instance: the limits stand here, out of its reach
//   <home>/<name>/payload         its own tree, given to its root
//   <home>/<name>/payload/exec    commands run in it from outside; its root may take them on, as logind does with who
//                                 logs in, and could not if they began beside its tree

import { DreyError } from "../errors.ts";
import { closeFd, O_RDONLY, openFd, rereadFd } from "../sys/descriptors.ts";
import { waitKernelFile } from "../sys/poll.ts";
import { SysError } from "../sys/libc.ts";
import { readIfThere } from "../sys/present.ts";

/** The cgroups of one instance. */
export interface InstanceCgroup {
  path: string;
  payload: string;
  exec: string;
}

/** Where the cgroups of an instance are, whether they are made or not. */
export function instanceCgroup(home: string, name: string): InstanceCgroup {
  const path = `${home}/${name}`;
  return { path, payload: `${path}/payload`, exec: `${path}/payload/exec` };
}

export const supervisorsCgroup = (home: string) => `${home}/supervisors`;

/** Makes the branch of what waits, before there is any instance. */
export function createSupervisorsCgroup(home: string): string {
  for (const dir of [home, supervisorsCgroup(home)]) makeDirectory(dir);
  return supervisorsCgroup(home);
}

/** Makes the tree of an instance, with every controller that the host lets through handed down to it. */
export function createCgroup(home: string, name: string): InstanceCgroup {
  const group = instanceCgroup(home, name);
  for (const dir of [home, supervisorsCgroup(home), group.path]) makeDirectory(dir);
  // what is above a scope is systemd's to divide
  const above = home.endsWith(".scope") ? [] : [home.slice(0, home.lastIndexOf("/"))];
  for (const dir of [...above, home, group.path]) handDown(dir);
  for (const dir of [group.payload, group.exec]) makeDirectory(dir);
  return group;
}

/** The controllers that limits or an init inside ask for; others stay as they are. */
const useful = ["cpu", "cpuset", "io", "memory", "pids"];

/** Lets the children of a cgroup use its controllers. Some cannot be had here: a limit that needs one says so. */
function handDown(directory: string): void {
  const enabled = readWords(`${directory}/cgroup.subtree_control`);
  const missing = controllers(directory).filter((name) => useful.includes(name) && !enabled.includes(name));
  if (missing.length === 0) return;
  evacuate(directory);
  for (const controller of missing) {
    try {
      Deno.writeTextFileSync(`${directory}/cgroup.subtree_control`, `+${controller}`, { create: false });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

/** Controllers hand down only from a cgroup without processes of its own: they move into a leaf. cgroup-v2.rst */
function evacuate(directory: string): void {
  // the root of the hierarchy, which has no type, is exempt
  if (readIfThere(`${directory}/cgroup.type`) === undefined) return;
  const inside = readWords(`${directory}/cgroup.procs`);
  if (inside.length === 0) return;
  const leaf = `${directory}/session`;
  makeDirectory(leaf);
  for (const pid of inside) {
    try {
      Deno.writeTextFileSync(`${leaf}/cgroup.procs`, pid, { create: false });
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error; // ended meanwhile
    }
  }
}

/** Controllers a cgroup may use. */
export function controllers(directory: string): string[] {
  return readWords(`${directory}/cgroup.controllers`);
}

export interface Limit {
  /** configuration key it comes from */
  key: string;
  controller: string;
  file: string;
  value: string;
}

/**
 * Writes the limits of an instance; they hold at once.
 *
 * @throws {DreyError} `CGROUP_MISSING` if a controller is not delegated
 */
export function applyLimits(group: InstanceCgroup, limits: readonly Limit[]): void {
  const have = controllers(group.path);
  for (const limit of limits) {
    if (!have.includes(limit.controller)) throw missingController(limit);
    Deno.writeTextFileSync(`${group.path}/${limit.file}`, limit.value, { create: false });
  }
}

/** The error of a limit that this host cannot keep. */
export function missingController(limit: Limit): DreyError {
  const lack = Deno.uid() === 0 ? "not there in cgroup v2" : "not delegated to this user";
  return new DreyError("CGROUP_MISSING", {
    message: `Cannot keep ${limit.key}: the cgroup controller "${limit.controller}" is ${lack}`,
    hint: "Run drey doctor to see how to delegate it",
  });
}

/** `milliseconds` the kernel has to do what it was told; on a busy machine with many processes that is no moment */
const patience = 30_000;

/** Freezes every process of an instance, or lets them go on; waits until it is so. */
export async function setFrozen(group: InstanceCgroup, frozen: boolean): Promise<void> {
  const order = () =>
    Deno.writeTextFileSync(`${group.path}/cgroup.freeze`, frozen ? "1" : "0", { create: false });
  if (await reaches(group, (events) => saysFrozen(events) === frozen, { order })) return;
  throw new DreyError("TIMEOUT", {
    message: `Cannot ${frozen ? "freeze" : "thaw"} within ${patience / 1000} seconds`,
  });
}

/** Waits until the last process of an instance has left its cgroups; killed ones take a moment. */
export async function waitEmpty(group: InstanceCgroup, milliseconds = patience): Promise<boolean> {
  return await reaches(group, (events) => !/^populated 1$/m.test(events), { milliseconds });
}

/** Waits, for so long at most, until `cgroup.events` says what is wanted; a cgroup that is gone says nothing more. */
async function reaches(
  group: InstanceCgroup,
  wanted: (events: string) => boolean,
  { order = () => {}, milliseconds = patience }: { order?: () => void; milliseconds?: number } = {},
): Promise<boolean> {
  let fd: number;
  try {
    fd = openFd(`${group.path}/cgroup.events`, O_RDONLY);
  } catch (error) {
    if (error instanceof SysError && error.errno === "ENOENT") return wanted("");
    throw error;
  }
  try {
    order();
    const deadline = performance.now() + milliseconds;
    while (!wanted(rereadFd(fd))) {
      const left = deadline - performance.now();
      if (left <= 0 || !await waitKernelFile(fd, Math.ceil(left))) return wanted(rereadFd(fd));
    }
    return true;
  } catch (error) {
    if (error instanceof SysError && error.errno === "ENODEV") return wanted(""); // it went meanwhile
    throw error;
  } finally {
    closeFd(fd);
  }
}

/** Whether every process of an instance is frozen. */
export function isFrozen(group: InstanceCgroup): boolean {
  return saysFrozen(readIfThere(`${group.path}/cgroup.events`) ?? "");
}

const saysFrozen = (events: string) => /^frozen 1$/m.test(events);

/** Kills every process of an instance at once; `cgroup.kill`, Linux 5.14. */
export function killAll(group: InstanceCgroup): void {
  try {
    Deno.writeTextFileSync(`${group.path}/cgroup.kill`, "1", { create: false });
  } catch (error) {
    // gone, or an older kernel: the pid namespace dies with init
    if (!(error instanceof Deno.errors.NotFound) && errnoOf(error) !== "ENODEV") throw error;
  }
}

/** Removes drey's own directories once no instance is left in them; what waited for the last one ends just now. */
export async function removeHome(home: string): Promise<void> {
  const supervisors = supervisorsCgroup(home);
  if (readIfThere(`${supervisors}/cgroup.procs`) === undefined) return;
  leaveSupervisors(home);
  await waitEmpty({ path: supervisors, payload: supervisors, exec: supervisors }, 5_000);
  for (const directory of [supervisors, home]) {
    try {
      Deno.removeSync(directory);
    } catch {
      return; // another instance has begun; or it is gone with its scope
    }
  }
}

/**
 * The clean-up that a supervisor became stands in the directory that it, or whoever holds what it waits for, shall
 * remove: it goes to where its user's are, or in a scope where drey's are.
 */
export function leaveSupervisors(home: string): void {
  if (!readWords(`${supervisorsCgroup(home)}/cgroup.procs`).includes(String(Deno.pid))) return;
  const above = home.slice(0, home.lastIndexOf("/"));
  for (const directory of [`${above}/session`, above, `${home}/session`]) {
    try {
      Deno.writeTextFileSync(`${directory}/cgroup.procs`, String(Deno.pid), { create: false });
      return;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error; // not there, or divided among others: then the next place
    }
  }
}

/** Removes the tree of an instance, which must hold no process any more; the innermost first. */
export function removeCgroup(path: string): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const entry of entries) {
    if (entry.isDirectory) removeCgroup(`${path}/${entry.name}`);
  }
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

export interface CgroupStats {
  /** bytes; undefined where the controller is missing */
  memory: number | undefined;
  memoryPeak: number | undefined;
  swap: number | undefined;
  /** nanoseconds */
  cpu: number | undefined;
  processes: number | undefined;
}

/** What the processes of an instance use. */
export function readStats(group: InstanceCgroup): CgroupStats {
  const number = (file: string) => {
    const text = readIfThere(`${group.path}/${file}`);
    return text === undefined ? undefined : Number(text);
  };
  const usage = /^usage_usec (\d+)$/m.exec(readIfThere(`${group.path}/cpu.stat`) ?? "")?.[1];
  return {
    memory: number("memory.current"),
    memoryPeak: number("memory.peak"),
    swap: number("memory.swap.current"),
    cpu: usage === undefined ? undefined : Number(usage) * 1000,
    processes: number("pids.current"),
  };
}

function makeDirectory(path: string): void {
  try {
    Deno.mkdirSync(path);
    // whatever the umask: we look into what is the container's root's later
    Deno.chmodSync(path, 0o755);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

const readWords = (path: string) => (readIfThere(path) ?? "").split(/\s+/).filter((word) => word !== "");

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
