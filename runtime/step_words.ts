// The plain text of steps, as runtime/walker.pl.ts reads them.

import { callNumbers } from "./call_numbers.ts";
import { attributeBits, mountFlags, namespaceFlags } from "./kernel_flags.ts";
import type { Step } from "./steps.ts";

/** One line a step: its words, tabs between them, `%XX` for what would break a line. */
export function formatSteps(steps: readonly Step[]): string {
  return formatWords([["numbers", ...Object.entries(callNumbers()).flat().map(String)], ...steps.map(words)]);
}

/** The same for those that follow others, which have told the numbers of system calls. */
export function formatMoreSteps(steps: readonly Step[]): string {
  return formatWords(steps.map(words));
}

/** Lines of words, as Perl programs of drey's read them. */
export function formatWords(lines: readonly (readonly string[])[]): string {
  return lines.map((line) => line.map(escapeWord).join("\t")).join("\n") + "\n";
}

function escapeWord(word: string): string {
  return word.replace(/[%\t\n\r\0]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function words(step: Step): string[] {
  const optional = (value: boolean | undefined) => value ? "1" : "0";
  switch (step.do) {
    case "mount": {
      const bits = String(step.flags.reduce((sum, flag) => sum | mountFlags[flag], 0));
      return ["mount", optional(step.optional), step.source, step.target, step.type, bits, step.data ?? ""];
    }
    case "unshare":
      return ["unshare", String(step.kinds.reduce((sum, kind) => sum | namespaceFlags[kind], 0))];
    case "enter-user":
      return ["enter-user", String(step.pid), step.level, step.identity];
    case "groups":
      return ["groups", ...step.gids.map(String)];
    case "new-user":
      return ["new-user", step.uidMap, step.gidMap, step.identity, step.cgroup ?? ""];
    case "open":
      return ["open", String(step.fd), step.path, step.write ? ">" : "<"];
    case "join-cgroup":
      return ["join-cgroup", String(step.fd)];
    case "mkdir":
      return ["mkdir", step.path, ...(step.mayBeLink ? ["1"] : [])];
    case "touch":
      return [step.do, step.path];
    case "image":
      return ["image", step.file, step.at, step.isReadOnly ? "ro" : "rw"];
    case "chown":
      return ["chown", step.path, String(step.uid), String(step.gid)];
    case "symlink":
      return ["symlink", step.target, step.path];
    case "listen":
      return ["listen", String(step.fd), step.path, String(step.backlog)];
    case "door":
      return ["door", String(step.fd), step.directory, step.name];
    case "keep": {
      const env = Object.entries(step.env).flat();
      return ["keep", String(step.door), String(env.length), ...env, ...step.argv];
    }
    case "rlimit":
      return ["rlimit", String(step.resource), step.soft, step.hard];
    case "write":
      return ["write", optional(step.optional), step.path, step.text];
    case "console":
      return ["console", String(step.fd), step.ptmx, step.pts, step.path];
    case "hostname":
      return ["hostname", step.name];
    case "link-up":
      return ["link-up", optional(step.optional), step.name];
    case "pivot":
      return ["pivot", step.path];
    case "filter":
      return ["filter", optional(step.optional), step.program];
    case "exec": {
      const env = Object.entries(step.env).flat();
      return ["exec", step.stdio, String(env.length), ...env, ...step.argv];
    }
    case "fill":
      return ["fill", optional(step.fresh), step.path, step.text];
    case "serve": {
      const env = Object.entries(step.env).flat();
      const { uid, gid, cwd, stopSignal } = step;
      return [
        "serve",
        step.stdio,
        ...[uid, gid, cwd, stopSignal, env.length].map(String),
        ...env,
        ...step.argv,
      ];
    }
    case "environment":
      return ["environment", ...Object.entries(step.env).flat()];
    case "chdir":
      return ["chdir", step.path, optional(step.optional)];
    case "chroot":
      return [step.do, step.path];
    case "take-terminal":
      return ["take-terminal", String(step.fd)];
    case "join-pid":
      return ["join-pid", String(step.pid)];
    case "fork":
      return ["fork", step.cgroup ?? "", String(step.lifeline ?? "")];
    case "join-files":
      return ["join-files", String(step.pid), step.identity];
    case "file":
      return ["file", ...step.request];
    case "be":
      return ["be", String(step.user), String(step.group)];
    case "run":
      return ["run", ...step.argv];
    case "become":
      return ["become", ...step.argv];
    case "bind": {
      const set = String(step.attributes.reduce((sum, name) => sum | attributeBits[name], 0));
      const { uidMap = "", gidMap = "" } = step.shift ?? {};
      const recursive = step.recursive ? "1" : "0";
      return ["bind", step.source, step.place, step.id, recursive, set, uidMap, gidMap, step.cover ?? ""];
    }
    case "show":
      return ["show", step.place, step.root, step.path, String(step.propagation)];
    case "plug":
      return [
        "plug",
        ...[step.place, String(step.pid), step.identity, step.root, step.path, String(step.propagation)],
      ];
    case "unplug":
      return ["unplug", String(step.pid), step.identity, step.root, step.path, optional(step.isNode)];
    case "node": {
      // stat(2), S_IFCHR and S_IFBLK
      const mode = step.mode | (step.kind === "char" ? 0o20000 : 0o60000);
      return ["node", step.path, ...[mode, ...step.numbers, step.uid, step.gid].map(String)];
    }
    case "inside":
      return ["inside", String(step.fd)];
    case "ready":
      return ["ready", optional(step.reports)];
    case "terminal":
    case "join-rest":
    case "keyring":
    case "more":
    case "sftp":
      return [step.do];
  }
}
