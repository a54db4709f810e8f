// The first stage of a container as data: an ordered list of single steps, each close to one system call. Planning
// happens in TypeScript, where it can be printed and tested; runtime/walker.pl.ts only has hands. How it reads them is in
// step_words.ts.

import type { MountAttribute, MountFlag, NamespaceKind } from "./kernel_flags.ts";

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
  /** a link in its place is refused, unless nothing is to be mounted there */
  | { do: "mkdir"; path: string; mayBeLink?: boolean }
  | { do: "touch"; path: string }
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
  /**
   * tells the starter the host pid, then waits for its word; without a starter any more, gives up. `reports`: also a
   * descriptor to take a copy of, where the starter reads what follows until the program has begun
   */
  | { do: "ready"; reports?: true }
  | { do: "keyring" }
  | { do: "pivot"; path: string }
  /** a filter of system calls for this process and all that follow; `optional`: unless the kernel has none */
  | { do: "filter"; program: string; optional?: boolean }
  /** tells that nothing of the host can be reached any more: the host pid in a file, and a word in the report */
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
  /**
   * goes on as a child, born in a cgroup if one is given; the parent waits and ends as the child does, and kills it at
   * the end of the process whose `lifeline()` it has
   */
  | { do: "fork"; cgroup: string | undefined; lifeline?: number }
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
  /** the whole environment of what follows */
  | { do: "environment"; env: Record<string, string> }
  /** goes on with the steps that are written next, where these came by a pipe */
  | { do: "more" }
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
