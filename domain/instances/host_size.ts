// How big the host is, for limits given in parts of it.

import { parseCpuSet } from "../../config/types.ts";
import type { HostSize } from "./limits.ts";

/** Memory and processors of this host; `controllers` are those the instance's cgroup has. */
export function readHostSize(controllers: readonly string[]): HostSize {
  const online = Deno.readTextFileSync("/sys/devices/system/cpu/online").trim();
  return {
    memory: Deno.systemMemoryInfo().total,
    cpus: parseCpuSet(online) ?? [0],
    hasCpuset: controllers.includes("cpuset"),
  };
}
