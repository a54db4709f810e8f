// The first stage of a container as data: an ordered list of single steps, each close to one system call, and
// their plain-text form that runtime/walker.pl.ts executes. Planning happens in TypeScript, where it can be
// printed and tested; the walker only has hands.

import { diskCalls } from "./disk_hands.pl.ts";

/** Linux constants used in steps; the same on every architecture. */
export const flags = {
  MS_RDONLY: 1,
  MS_NOSUID: 2,
  MS_NODEV: 4,
  MS_NOEXEC: 8,
  MS_REMOUNT: 32,
  MS_BIND: 4096,
  MS_REC: 16384,
  MS_PRIVATE: 1 << 18,
  MS_RELATIME: 1 << 21,
  MNT_DETACH: 2,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
} as const;

const mountFlags = {
  ro: flags.MS_RDONLY,
  nosuid: flags.MS_NOSUID,
  nodev: flags.MS_NODEV,
  noexec: flags.MS_NOEXEC,
  remount: flags.MS_REMOUNT,
  bind: flags.MS_BIND,
  rec: flags.MS_REC,
  private: flags.MS_PRIVATE,
  relatime: flags.MS_RELATIME,
} as const;
export type MountFlag = keyof typeof mountFlags;

const namespaceFlags = {
  mnt: flags.CLONE_NEWNS,
  cgroup: flags.CLONE_NEWCGROUP,
  uts: flags.CLONE_NEWUTS,
  ipc: flags.CLONE_NEWIPC,
  user: flags.CLONE_NEWUSER,
  pid: flags.CLONE_NEWPID,
  net: flags.CLONE_NEWNET,
} as const;
export type NamespaceKind = keyof typeof namespaceFlags;

/** Attributes of a mount that take rights away; mount_setattr(2). */
const attributeBits = { ro: 1, nosuid: 2, nodev: 4, noexec: 8, nosymfollow: 0x200000 } as const;
export type MountAttribute = keyof typeof attributeBits;

/** Who a process is in a namespace it enters: its root, without the host's groups or with them, or who it was. */
export type Identity = "root" | "groups" | "kept";

export type Step =
  | {
    do: "mount";
    type: string;
    source: string;
    target: string;
    flags: MountFlag[];
    data?: string;
    /** go on when the kernel refuses; for what a container can live without */
    optional?: boolean;
  }
  | { do: "unshare"; kinds: NamespaceKind[] }
  /** enters the user namespace that `pid` is in, or that one's parent, and becomes its root */
  | { do: "enter-user"; pid: number; level: "own" | "parent"; identity: Identity }
  /** takes on these groups of the host beside its own; for root, who then becomes somebody else */
  | { do: "groups"; gids: number[] }
  /** makes a user namespace below the present one, writes its maps and enters it */
  | { do: "new-user"; uidMap: string; gidMap: string; identity: Identity; cgroup: string | undefined }
  /** opens a file for the steps that name the descriptor */
  | { do: "open"; fd: number; path: string; write: boolean }
  | { do: "join-cgroup"; fd: number }
  | { do: "mkdir" | "touch"; path: string }
  | { do: "chown"; path: string; uid: number; gid: number }
  /** mounts an ext4 in a file by fuse2fs(1), which ends when nobody has it mounted any more */
  | { do: "image"; file: string; at: string; isReadOnly: boolean }
  | { do: "symlink"; path: string; target: string }
  /** binds an inherited unix socket to a path that anybody may connect to, and lets it listen */
  | { do: "listen"; fd: number; path: string; backlog: number }
  /** a new unix socket that listens, for the steps that name the descriptor */
  | { do: "door"; fd: number; directory: string; name: string }
  /** becomes a program that keeps this descriptor as its third, and standard error */
  | { do: "keep"; door: number; argv: string[]; env: Record<string, string> }
  /** a limit of this process and all that follow; "" for none */
  | { do: "rlimit"; resource: number; soft: string; hard: string }
  | { do: "write"; path: string; text: string; optional?: boolean }
  | { do: "hostname"; name: string }
  /** sets a network interface up */
  | { do: "link-up"; name: string; optional?: boolean }
  /** a terminal of the container's own devpts on `fd`; its slave stands at `path` */
  | { do: "console"; fd: number; ptmx: string; pts: string; path: string }
  /** tells the starter the host pid, then waits for its word; without a starter any more, gives up */
  | { do: "ready" }
  | { do: "keyring" }
  | { do: "pivot"; path: string }
  /** tells that nothing of the host can be reached any more: the host pid in a file, and a word for the starter */
  | { do: "inside"; fd: number }
  | { do: "exec"; argv: string[]; env: Record<string, string>; stdio: string }
  /** writes a file of the container as its root, with the directories it needs; `fresh`: only if there is none */
  | { do: "fill"; path: string; text: string; fresh: boolean }
  /** runs a program as a child and stays as its init: passes signals on, collects orphans, ends as the program ends */
  | ({ do: "serve"; argv: string[]; env: Record<string, string>; stdio: string } & Application)
  /** takes an inherited terminal for the step `terminal` */
  | { do: "take-terminal"; fd: number }
  /** a session of its own with that terminal as standard input, output and error */
  | { do: "terminal" }
  /** from now on children are born in the pid namespace of a process */
  | { do: "join-pid"; pid: number }
  /** goes on as a child, born in a cgroup if one is given; the parent waits and ends as the child does */
  | { do: "fork"; cgroup: string | undefined }
  /** joins all other namespaces of the process of `join-pid`, in one step */
  | { do: "join-rest" }
  /** joins the user and mount namespaces of a process and becomes their root, unseen by its pid namespace */
  | { do: "join-files"; pid: number; identity: "root" | "kept" }
  | { do: "chroot"; path: string }
  /** puts a copy of a tree of mounts at a place that is made for it */
  | {
    do: "bind";
    source: string;
    place: string;
    /** device and inode the source had when it was looked at */
    id: string;
    recursive: boolean;
    attributes: MountAttribute[];
    /** maps as text, to shift owners by */
    shift?: { uidMap: string; gidMap: string };
    /** path below the source that is drey's own and must not show */
    cover?: string;
  }
  /** shows what is at a place to a container that is being built, at a path it sees; the path is made if need be */
  | { do: "show"; place: string; root: string; path: string; propagation: number }
  /** the same for a container that runs; this process stays in it */
  | {
    do: "plug";
    place: string;
    pid: number;
    identity: "root" | "kept";
    /** directory inside that paths are meant below */
    root: string;
    path: string;
    propagation: number;
  }
  /** takes away what is mounted at a path of a container that runs; this process stays in it */
  | { do: "unplug"; pid: number; identity: "root" | "kept"; root: string; path: string; isNode: boolean }
  /** makes a device node, for root in no namespace */
  | {
    do: "node";
    path: string;
    kind: "char" | "block";
    numbers: [major: number, minor: number];
    uid: number;
    gid: number;
    mode: number;
  }
  /** serves one request about a file; for the walker of runtime/file_server.pl.ts */
  | { do: "file"; request: string[] }
  /** serves SFTP on the standard streams; for the walker of runtime/sftp_server.pl.ts */
  | { do: "sftp" }
  | { do: "be"; user: number; group: number }
  /** `optional`: stays where it is if there is no such directory */
  | { do: "chdir"; path: string; optional?: boolean }
  /** becomes a program found through PATH, environment kept; ends with 127 or 126 as a shell does */
  | { do: "run"; argv: string[] }
  /** becomes another program of the host; descriptors stay open */
  | { do: "become"; argv: string[] };

/** How a program is run that is no init itself. */
export interface Application {
  uid: number;
  gid: number;
  cwd: string;
  /** number of the signal that asks it to end */
  stopSignal: number;
}

/** System calls by number; syscalls(2), asm/unistd.h. */
const numbers = {
  x86_64: {
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    unshare: 272,
    setns: 308,
    setresuid: 117,
    setresgid: 119,
    setgroups: 116,
    keyctl: 250,
    dup3: 292,
    close_range: 436,
    setsid: 112,
    socket: 41,
    pidfd_open: 434,
    clone3: 435,
    sethostname: 170,
    fchownat: 260,
    mkdirat: 258,
    mknodat: 259,
    utimensat: 280,
    statfs: 137,
    fstatfs: 138,
    fsync: 74,
    prlimit64: 302,
    splice: 275,
  },
  aarch64: {
    mount: 40,
    umount2: 39,
    pivot_root: 41,
    unshare: 97,
    setns: 268,
    setresuid: 147,
    setresgid: 149,
    setgroups: 159,
    keyctl: 219,
    dup3: 24,
    close_range: 436,
    setsid: 157,
    socket: 198,
    pidfd_open: 434,
    clone3: 435,
    sethostname: 161,
    fchownat: 54,
    mkdirat: 34,
    mknodat: 33,
    utimensat: 88,
    statfs: 43,
    fstatfs: 44,
    fsync: 82,
    prlimit64: 261,
    splice: 76,
  },
} as const;

/** The call numbers the walker is given, as its first line. */
export function callNumbers(arch: "x86_64" | "aarch64" = Deno.build.arch): Record<string, number> {
  return { ...numbers[arch], ...diskCalls };
}

/** One line a step: its words, tabs between them, `%XX` for what would break a line. */
export function formatSteps(steps: readonly Step[]): string {
  return formatWords([["numbers", ...Object.entries(callNumbers()).flat().map(String)], ...steps.map(words)]);
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
    case "chdir":
      return ["chdir", step.path, optional(step.optional)];
    case "chroot":
      return [step.do, step.path];
    case "take-terminal":
      return ["take-terminal", String(step.fd)];
    case "join-pid":
      return ["join-pid", String(step.pid)];
    case "fork":
      return ["fork", step.cgroup ?? ""];
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
    case "terminal":
    case "join-rest":
    case "ready":
    case "keyring":
    case "sftp":
      return [step.do];
  }
}
