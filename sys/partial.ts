// Work in progress on disk: files and directories whose name says which process makes them, so that what a killed
// process left is known for what it is.

import { startTime } from "./lifetimes.ts";
import { namesIn } from "./present.ts";

const pattern = /\.partial-(\d+)-(\d+)-[0-9a-f]{8}$/;

/** A name for unfinished work: `<name>.partial-<pid>-<start time of that process>-<random>`. */
export function partialName(name: string, pid = Deno.pid): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const start = startTime(pid) ?? 0;
  return `${name}.partial-${pid}-${start}-${random.toString(16).padStart(8, "0")}`;
}

/** Whether a name is that of unfinished work. */
export function isPartial(name: string): boolean {
  return pattern.test(name);
}

/** Whether a name is that of unfinished work nobody goes on with. */
export function isAbandoned(name: string): boolean {
  const [, pid, start] = pattern.exec(name) ?? [];
  if (pid === undefined) return false;
  return startTime(Number(pid)) !== Number(start);
}

/** Abandoned work in a directory, as full paths. */
export function findAbandoned(directory: string): string[] {
  return namesIn(directory).filter(isAbandoned).map((name) => `${directory}/${name}`);
}

/** `milliseconds` between two looks at work of others */
const lookEvery = 20;

/** Waits until no other process works on anything in a directory: what is left there then is abandoned. */
export async function othersDone(directory: string): Promise<void> {
  const isOthers = (name: string) =>
    isPartial(name) && !isAbandoned(name) && !name.includes(`.partial-${Deno.pid}-`);
  while (namesIn(directory).some(isOthers)) await new Promise((resolve) => setTimeout(resolve, lookEvery));
}
