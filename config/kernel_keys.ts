// The configuration keys that reach the kernel under its own names: sysctls of the instance's namespaces, and limits of
// its processes.

import { key } from "./key.ts";
import * as types from "./types.ts";

const containers = ["container"] as const;

/** Limits of setrlimit(2) by LXD's names, with their numbers in asm-generic/resource.h. */
export const rlimits = {
  as: 9,
  core: 4,
  cpu: 0,
  data: 2,
  fsize: 1,
  locks: 10,
  memlock: 8,
  msgqueue: 12,
  nice: 13,
  nofile: 7,
  nproc: 6,
  rtprio: 14,
  sigpending: 11,
} as const;

/** One row each: a limit that the kernel does not know cannot be set. */
export const limitsKernel = Object.keys(rlimits).map((name) =>
  key({
    name: `limits.kernel.${name}`,
    on: containers,
    type: types.rlimit,
    live: false,
    short: `RLIMIT_${name.toUpperCase()} of the instance's processes, see setrlimit(2)`,
  })
);

export const linuxSysctl = key({
  name: "linux.sysctl.*",
  on: containers,
  type: types.string,
  live: false,
  short: "Kernel parameter of the instance, where the kernel keeps one for each",
});

/**
 * The file below /proc/sys of a key such as `linux.sysctl.net.ipv4.ip_forward`; undefined if it can be none. With a
 * slash in the name, slashes part its words and dots are dots, as for sysctl(8).
 */
export function sysctlPath(name: string): string | undefined {
  const rest = name.slice("linux.sysctl.".length);
  const words = rest.split(rest.includes("/") ? "/" : ".");
  return words.every((word) => /^[\w.:@-]+$/.test(word) && !/^\.+$/.test(word)) ? words.join("/") : undefined;
}
