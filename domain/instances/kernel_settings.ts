// From settings to what the kernel is told of an instance's processes: pure.

import { limitsKernel, rlimits, sysctlPath } from "../../config/kernel_keys.ts";
import { readKey } from "../../config/key.ts";
import type { ContainerPlan } from "../../runtime/container_plan.ts";
import type { Config } from "../../wire/instance.ts";

/** Kernel parameters by their paths below /proc/sys. */
export function sysctlsOf(config: Config): Record<string, string> {
  const set = Object.entries(config).filter(([name, value]) =>
    name.startsWith("linux.sysctl.") && value !== ""
  );
  return Object.fromEntries(set.map(([name, value]) => [sysctlPath(name) ?? "", value]));
}

/** Limits of every process of the instance. */
export function rlimitsOf(config: Config): NonNullable<ContainerPlan["rlimits"]> {
  const text = (limit: number) => limit === Infinity ? "" : String(limit);
  return limitsKernel.flatMap((key) => {
    const limit = readKey(config, key);
    const resource = rlimits[key.name.slice("limits.kernel.".length) as keyof typeof rlimits];
    return limit === undefined ? [] : [{ resource, soft: text(limit.soft), hard: text(limit.hard) }];
  });
}
