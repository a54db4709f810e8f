// The configuration keys about system calls of containers, by LXD's names and by those it had before.

import { type Key, key } from "./key.ts";
import { allowances, denials } from "./syscall_rules.ts";
import * as types from "./types.ts";

const common = { on: ["container"], live: false } as const;

/** Each with its old name, which counts where the new one is not set. */
function renamed<T>(row: Omit<Key<T>, "on" | "live">, old: string): { now: Key<T>; old: Key<T> } {
  const { default: _counts, ...rest } = row;
  return {
    now: key({ ...row, ...common }),
    old: key({ ...rest, ...common, name: old, short: `Old name of ${row.name}` }),
  };
}

export const syscallsAllow = renamed({
  name: "security.syscalls.allow",
  type: allowances,
  short: "System calls that are allowed, one in a line; any other kills who makes it",
}, "security.syscalls.whitelist");
export const syscallsDeny = renamed({
  name: "security.syscalls.deny",
  type: denials,
  short: "System calls that are refused, one in a line, such as ptrace errno 1",
}, "security.syscalls.blacklist");
export const syscallsDenyCompat = renamed({
  name: "security.syscalls.deny_compat",
  type: types.bool,
  default: "false",
  short: "Whether 32-bit programs and those of x32 find no system call; on x86_64",
}, "security.syscalls.blacklist_compat");
export const syscallsDenyDefault = renamed({
  name: "security.syscalls.deny_default",
  type: types.bool,
  default: "true",
  short: "Whether calls about modules, kernels, handles of files and forced unmounts are refused",
}, "security.syscalls.blacklist_default");

/** All of them, in the order of the reference page. */
export const syscallKeys: readonly Key[] = [
  syscallsAllow,
  syscallsDeny,
  syscallsDenyCompat,
  syscallsDenyDefault,
].flatMap(({ now, old }): Key[] => [old, now]).toSorted((a, b) => a.name < b.name ? -1 : 1);
