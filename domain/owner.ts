// Which process runs an operation, told apart from a later one that got the same pid.

import { bootId, startTime } from "../sys/lifetimes.ts";

export interface Owner {
  pid: number;
  /** clock ticks since boot at which the process started; field 22 of /proc/PID/stat */
  start_time: number;
  /** random per boot; /proc/sys/kernel/random/boot_id */
  boot_id: string;
}

let own: Owner | undefined;

/** This process. */
export function thisProcess(): Owner {
  return own ??= { pid: Deno.pid, start_time: startTime(Deno.pid) ?? 0, boot_id: bootId() };
}

/** Whether the process still runs, on this boot. */
export function isAlive(owner: Owner): boolean {
  return owner.boot_id === thisProcess().boot_id && startTime(owner.pid) === owner.start_time;
}

/** Whether it is this very process. */
export function isThisProcess(owner: Owner): boolean {
  const { pid, start_time, boot_id } = thisProcess();
  return owner.pid === pid && owner.start_time === start_time && owner.boot_id === boot_id;
}
