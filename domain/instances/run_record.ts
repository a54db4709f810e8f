// What the start of an instance leaves for its end: kept in the run directory, gone with it.

import { join } from "@std/path";
import type { SyscallFilter } from "../../runtime/syscall_filter.ts";
import { readJsonIfThere } from "../../sys/present.ts";

export interface RunRecord {
  /** directory of drey's cgroups; absent where the host delegates none */
  cgroupHome?: string;
  /** the cgroup from below which processes may be moved there */
  cgroupTree?: string;
  /** LXD's JSON of the id map it runs with */
  idmap: string;
  /** signal that asks init to power off */
  haltSignal: number;
  /** what system calls its processes are refused */
  filter?: SyscallFilter;
  /** why something is less than it could be, for people */
  warnings: string[];
}

/** Writes the record into a run directory. */
export function writeRunRecord(run: string, record: RunRecord): void {
  // renamed into place: a start that is killed here must not leave half a record to those who clean up
  const path = join(run, "run.json");
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(record));
  Deno.renameSync(`${path}.new`, path);
}

/** The record, or undefined while the instance is not yet started. */
export const readRunRecord = (run: string): RunRecord | undefined =>
  readJsonIfThere<RunRecord>(join(run, "run.json"));
