// What system calls a container's processes are refused: from its settings to a program for the kernel.

import * as keys from "../../config/syscall_keys.ts";
import { type Key, readKey, type Values } from "../../config/key.ts";
import { denials, type SyscallPolicy, usualDenials } from "../../config/syscall_rules.ts";
import { DreyError } from "../../errors.ts";
import type { SyscallFilter } from "../../runtime/syscall_filter.ts";
import type { Config } from "../../wire/instance.ts";

/**
 * The filter of a container; undefined where its settings ask for none.
 *
 * @param config expanded
 * @throws {DreyError} as {@link checkSyscalls}
 */
export async function filterOf(config: Config): Promise<SyscallFilter | undefined> {
  const policy = policyOf(config);
  if (typeof policy !== "object") return policy === "default" ? "default" : undefined;
  const { compileFilter, isSyscall } = await import("../../sys/libseccomp.ts");
  // what is unknown is not allowed anyway, and a list may be made for several systems
  const unknown = policy.otherwise === "kill" ? undefined : policy.rules.find(({ call }) => !isSyscall(call));
  if (unknown !== undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot refuse system call "${unknown.call}": libseccomp knows none of that name`,
      hint: `Correct or remove "${unknown.line}" in ${keys.syscallsDeny.now.name}`,
    });
  }
  return { program: compileFilter(policy).toHex() };
}

/**
 * Holds settings about system calls against one another and against what the host knows.
 *
 * @throws {DreyError} `BAD_REQUEST` if they exclude one another, or name what does not exist; `TOOL_MISSING` without
 * libseccomp
 */
export async function checkSyscalls(config: Config): Promise<void> {
  if (Object.keys(config).some((name) => name.startsWith("security.syscalls."))) await filterOf(config);
}

/** What is asked for: LXD's usual list alone, nothing, or something that has to be compiled. */
function policyOf(config: Config): SyscallPolicy | "default" | "nothing" {
  const allowed = read(config, keys.syscallsAllow) ?? [];
  const denied = read(config, keys.syscallsDeny) ?? [];
  const hasNoCompat = read(config, keys.syscallsDenyCompat) ?? false;
  const isUsual = read(config, keys.syscallsDenyDefault) ?? true;
  if (isSet(config, keys.syscallsAllow)) {
    const asked = config[keys.syscallsDenyDefault.now.name] || config[keys.syscallsDenyDefault.old.name];
    if (isSet(config, keys.syscallsDeny) || hasNoCompat || asked && isUsual) throw exclusive();
    return { otherwise: "kill", hasNoCompat: false, rules: allowed };
  }
  if (denied.length === 0 && !(hasNoCompat && Deno.build.arch === "x86_64")) {
    return isUsual ? "default" : "nothing";
  }
  return { otherwise: "allow", hasNoCompat, rules: [...isUsual ? usual() : [], ...denied] };
}

function usual() {
  const parsed = denials.parse(usualDenials);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

interface Renamed<T> {
  now: Key<T>;
  old: Key<T>;
}

const isSet = (config: Values, { now, old }: Renamed<unknown>) =>
  Boolean(config[now.name] || config[old.name]);

/** The value under the new name, else that under the old one, else what counts when there is none. */
function read<T>(config: Values, { now, old }: Renamed<T>): T | undefined {
  return readKey(config, config[now.name] ? now : config[old.name] ? old : now);
}

const exclusive = () =>
  new DreyError("BAD_REQUEST", {
    message: `${keys.syscallsAllow.now.name} is for itself: it cannot be set beside ` +
      `${keys.syscallsDeny.now.name}, ${keys.syscallsDenyCompat.now.name} or ${keys.syscallsDenyDefault.now.name}`,
  });
