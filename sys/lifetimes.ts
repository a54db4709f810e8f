// When a process and the host began, by which a later process with the same pid is told from an earlier one.

import { readIfThere } from "./present.ts";

/** In clock ticks since the host came up; undefined for a process that has ended. */
export function startTime(pid: number): number | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : parseStartTime(stat);
}

/**
 * Start time out of a line of /proc/PID/stat, or nothing for a zombie, which does nothing any more, however long nobody
 * asks how it ended. The second field is the program's name and may itself hold spaces and parentheses.
 *
 * @see proc_pid_stat(5)
 */
export function parseStartTime(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return Number(fields[19]);
}

/** A name for the time since the host came up; random(4). */
export function bootId(): string {
  return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}
