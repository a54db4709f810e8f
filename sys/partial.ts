// Work in progress on disk: files and directories whose name says which process makes them, so that what a killed
// process left is known for what it is.

import { readIfThere } from "./present.ts";

const pattern = /\.partial-(\d+)-(\d+)-[0-9a-f]{8}$/;

/** A name for unfinished work: `<name>.partial-<pid>-<start time of that process>-<random>`. */
export function partialName(name: string): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const start = startTime(Deno.pid) ?? "0";
  return `${name}.partial-${Deno.pid}-${start}-${random.toString(16).padStart(8, "0")}`;
}

/** Whether a name is that of unfinished work. */
export function isPartial(name: string): boolean {
  return pattern.test(name);
}

/** Whether a name is that of unfinished work nobody goes on with. */
export function isAbandoned(name: string): boolean {
  const [, pid, start] = pattern.exec(name) ?? [];
  if (pid === undefined) return false;
  return startTime(Number(pid)) !== start;
}

/** Abandoned work in a directory, as full paths. */
export function findAbandoned(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].filter(({ name }) => isAbandoned(name))
      .map(({ name }) => `${directory}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** When a process started, in clock ticks since boot; a recycled pid has another. proc(5) */
function startTime(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // the command in parentheses may hold blanks and parentheses itself
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
