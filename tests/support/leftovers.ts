// What a test must not leave behind: processes, mounts, cgroups and files of instances.

import type { Context } from "../../domain/context.ts";
import { planHome } from "../../domain/cgroup_home.ts";
import { tableName } from "../../domain/networks/hub_state.ts";
import { listInterfaces, ownInterfaces } from "../../network/links.ts";
import { endedMeanwhile } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import { hostFacts } from "./needs.ts";

export interface Leftovers {
  processes: string[];
  mounts: string[];
  cgroups: string[];
  files: string[];
  /** interfaces of the host, which root's networks are made of */
  interfaces: string[];
}

/** What is to be found where nothing was left. */
export const nothingLeft: Leftovers = { processes: [], mounts: [], cgroups: [], files: [], interfaces: [] };

/** An instance that is known, of which things may be there. */
export interface Known {
  name: string;
  /** whether it runs, so that processes and cgroups may be there too */
  isRunning: boolean;
}

/**
 * What of this drey is still there beside what belongs to these instances, once the last things have had
 * their time to end, which on a busy machine is more than a moment.
 */
export async function findLeftovers(directory: string, known: readonly Known[] = []): Promise<Leftovers> {
  const start = Date.now();
  while (true) {
    const found = await look(directory, known);
    if (Object.values(found).every((list) => list.length === 0)) return found;
    if (Date.now() - start > 60_000) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function look(directory: string, known: readonly Known[]): Promise<Leftovers> {
  const all = known.map(({ name }) => name);
  const running = known.filter(({ isRunning }) => isRunning).map(({ name }) => name);
  const expected = { all, running, nobody: [] as string[] };
  return {
    processes: findProcesses(directory, running),
    mounts: Deno.readTextFileSync("/proc/self/mountinfo").split("\n").filter((line) =>
      line.includes(directory)
    ),
    cgroups: await findCgroups(directory, running),
    files: Object.entries(instanceDirectories).flatMap(([path, whose]) =>
      namesIn(`${directory}/${path}`).filter((name) => !expected[whose].includes(name))
    ),
    interfaces: running.length > 0 || Deno.uid() !== 0
      ? []
      : ownInterfaces(await runChecked(listInterfaces), tableName(await contextOf(directory))),
  };
}

/** Directories that hold one entry per instance, or per running one, or what is being made and removed. */
const instanceDirectories = {
  "storage-pools/default/containers": "all",
  "storage-pools/default/temporary": "nobody",
  "run/instances": "running",
  "logs": "all",
} as const;

/** Processes that name the directory in their command line, or stand on a mount of it as those in containers do. */
function findProcesses(directory: string, running: readonly string[]): string[] {
  const hub = [`${directory}/run/network`, `${directory}/networks/`];
  const mayRun = running.flatMap((name) => [`/containers/${name}/`, `/run/instances/${name}/`, ...hub]);

  return namesIn("/proc").filter((pid) => /^\d+$/.test(pid) && pid !== String(Deno.pid)).flatMap((pid) => {
    const argv = readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    if (argv === "") return []; // a thread of the kernel, or ended
    const told = argv + readText(`/proc/${pid}/mountinfo`);
    const isOurs = argv.includes(directory) || told.includes(`${directory}/`);
    return isOurs && !mayRun.some((path) => told.includes(directory) && told.includes(path))
      ? [`${pid} ${argv.slice(0, 200)}`]
      : [];
  });
}

/** Cgroups of instances; the branch of supervisors may stay, it is empty. */
async function findCgroups(directory: string, running: readonly string[]): Promise<string[]> {
  const home = await cgroupHome(directory);
  if (home === undefined) return [];
  const expected = ["supervisors", "session", ...running];
  const groups = directoriesIn(home).filter((name) => !expected.includes(name));
  if (running.length > 0) return groups;
  const waiting = readText(`${home}/supervisors/cgroup.procs`).split("\n").filter((pid) => pid !== "");
  return [...groups, ...waiting.map((pid) => `supervisors: ${pid}`)];
}

/** The cgroup in which the drey of this directory keeps its instances. */
export async function cgroupHome(directory: string): Promise<string | undefined> {
  return planHome(await contextOf(directory))?.path;
}

async function contextOf(directory: string): Promise<Context> {
  const { user } = await hostFacts();
  const paths = { state: directory, run: `${directory}/run`, config: `${directory}/config` };
  return { user: { ...user, gid: Deno.gid() ?? 0 }, paths } as Context;
}

const directoriesIn = (path: string) => entriesOf(path).filter((e) => e.isDirectory).map(({ name }) => name);
const namesIn = (path: string) => entriesOf(path).map(({ name }) => name);

function entriesOf(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || endedMeanwhile(error, path)) return [];
    throw error;
  }
}

/** The text of a file in /proc, which may go at any time. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // the process has ended
  }
}
