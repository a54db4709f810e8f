// Processes of a container whose cgroup does not say what they use, or that has none: counted through /proc.

export interface Counted {
  processes: number;
  /** resident, in bytes */
  memory: number;
  /** processor time in nanoseconds */
  cpu: number;
}

/** What a look at all processes has found. */
export interface Processes {
  /** those in the pid namespace of a process */
  of(init: number): readonly number[];
}

export const noProcesses: Counted = { processes: 0, memory: 0, cpu: 0 };

/** What these processes use. */
export function countProcesses(pids: readonly number[]): Counted {
  const total = { ...noProcesses };
  for (const pid of pids) {
    const stat = readText(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (stat === "" || fields[0] === "Z") continue;
    total.processes++;
    // fields 14, 15 (ticks, of which a second has 100) and 24 (pages) of proc_pid_stat(5)
    total.cpu += (Number(fields[11]) + Number(fields[12])) * 10_000_000;
    total.memory += Number(fields[21]) * 4096;
  }
  return total;
}

/** The processes in a cgroup and below; a look at every process of the host would take ten times as long. */
export function processesBelow(directory: string): number[] {
  const own = readText(`${directory}/cgroup.procs`).split("\n").filter((line) => line !== "").map(Number);
  return [...own, ...childrenOf(directory).flatMap(processesBelow)];
}

function childrenOf(directory: string): string[] {
  try {
    const entries = [...Deno.readDirSync(directory)].filter((entry) => entry.isDirectory);
    return entries.map(({ name }) => `${directory}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // ended meanwhile
    throw error;
  }
}

/** Which processes share a pid namespace with which: for many containers at once. */
export function processesByNamespace(): Processes {
  const found = new Map<string, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const namespace = /^\d+$/.test(name) ? namespaceOf(Number(name)) : undefined;
    if (namespace === undefined) continue;
    const known = found.get(namespace);
    if (known === undefined) found.set(namespace, [Number(name)]);
    else known.push(Number(name));
  }
  return { of: (init) => found.get(namespaceOf(init) ?? "") ?? [] };
}

function namespaceOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // ended, or somebody else's
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // ended meanwhile
  }
}
