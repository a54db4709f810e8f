// The limits of an instance as cgroup v2 files: pure, from its expanded configuration.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import type { Limit } from "../../runtime/cgroups.ts";
import type { Config } from "../../wire/instance.ts";

export interface HostSize {
  /** bytes of memory */
  memory: number;
  /** numbers of the processors that are online */
  cpus: number[];
  /** whether single processors can be assigned, controller `cpuset` */
  hasCpuset: boolean;
}

/**
 * Every limit that is set; with `reset`, also the ones that are not, at the value that means none.
 *
 * @see cgroup-v2.rst, "Memory Interface Files" and its like
 */
export function planLimits(config: Config, host: HostSize, { reset = false } = {}): Limit[] {
  const limits = [...memory(config, host), ...processors(config, host), ...processes(config)];
  return limits.filter((limit) => reset || !isNone(limit, host));
}

const none: Record<string, string> = {
  "memory.max": "max",
  "memory.high": "max",
  "memory.swap.max": "max",
  "pids.max": "max",
  "cpu.max": "max 100000",
  "cpu.weight": "100",
};

const isNone = ({ file, value }: Limit, { cpus }: HostSize) =>
  value === (file === "cpuset.cpus" ? cpus.join(",") : none[file]);

function memory(config: Config, host: HostSize): Limit[] {
  const wanted = readKey(config, keys.limitsMemory);
  const bytes = wanted === undefined
    ? "max"
    : String(wanted.kind === "bytes" ? wanted.bytes : Math.floor(host.memory * wanted.percent / 100));
  const soft = readKey(config, keys.limitsMemoryEnforce) === "soft";
  const swap = readKey(config, keys.limitsMemorySwap) === false ? "0" : "max";
  const limit = (key: string, file: string, value: string): Limit => ({
    key,
    controller: "memory",
    file,
    value,
  });
  return [
    limit("limits.memory", "memory.high", soft ? bytes : "max"),
    limit("limits.memory", "memory.max", soft ? "max" : bytes),
    limit("limits.memory.swap", "memory.swap.max", swap),
  ];
}

function processors(config: Config, host: HostSize): Limit[] {
  const wanted = readKey(config, keys.limitsCpu);
  const allowance = readKey(config, keys.limitsCpuAllowance);
  const weight = allowance?.kind === "share" ? String(Math.max(1, Math.round(allowance.percent))) : "100";
  const limit = (key: string, controller: string, file: string, value: string): Limit => ({
    key,
    controller,
    file,
    value,
  });
  const quota = allowance?.kind === "quota"
    ? limit("limits.cpu.allowance", "cpu", "cpu.max", `${allowance.quota} ${allowance.period}`)
    // without cpuset, so many processors are so much time of all of them
    : wanted?.kind === "count" && !host.hasCpuset
    ? limit("limits.cpu", "cpu", "cpu.max", `${wanted.count * 100_000} 100000`)
    : limit("limits.cpu", "cpu", "cpu.max", "max 100000");
  // a cgroup with processes takes no empty set, so that all processors stand for none in particular
  const set = wanted === undefined || (wanted.kind === "count" && !host.hasCpuset)
    ? host.cpus
    : wanted.kind === "set"
    ? wanted.cpus
    : host.cpus.slice(0, wanted.count);
  return [
    limit("limits.cpu", "cpuset", "cpuset.cpus", set.join(",")),
    quota,
    limit("limits.cpu.allowance", "cpu", "cpu.weight", weight),
  ];
}

function processes(config: Config): Limit[] {
  const most = readKey(config, keys.limitsProcesses);
  return [{ key: "limits.processes", controller: "pids", file: "pids.max", value: String(most ?? "max") }];
}
