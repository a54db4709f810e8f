// The sizes of clouds as LXD takes them for an instance: `c2-m4` is two processors and four gigabytes.

import { DreyError } from "../errors.ts";
import type { Config } from "../wire/instance.ts";

/**
 * The limits that a size stands for. Part of a processor is a share of the time of one.
 *
 * @param size `c2`, `m0.5` or `c2-m4`
 * @throws {DreyError} `NOT_SUPPORTED` for the names that clouds have for theirs
 */
export function limitsOfSize(size: string): Config {
  const found = /^(?:c(?<c>[\d.]+)(?:-m(?<m>[\d.]+))?|m(?<only>[\d.]+))$/.exec(size)?.groups;
  const processors = Number(found?.["c"] ?? 0);
  const gigabytes = Number(found?.["m"] ?? found?.["only"] ?? 0);
  if (!(processors + gigabytes > 0)) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot take "${size}" for the size of an instance`,
      hint: "Say how many processors and gigabytes of memory: c2-m4",
    });
  }
  return { ...processors > 0 && cpuLimits(processors), ...gigabytes > 0 && memoryLimit(gigabytes) };
}

function cpuLimits(processors: number): Config {
  const whole = Math.ceil(processors);
  const share = Math.trunc(processors / whole * 100);
  return { "limits.cpu": String(whole), ...share < 100 && { "limits.cpu.allowance": `${share}%` } };
}

const memoryLimit = (gigabytes: number): Config => ({
  "limits.memory": `${Math.trunc(gigabytes * 1024)}MB`,
});
