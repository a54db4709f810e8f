// Where drey keeps things: docs/state_dir.md lists every file below these directories.

import { join } from "@std/path";

export interface Paths {
  /** images, pools, backups, the database, `unix.socket` */
  state: string;
  /** supervisors' files, locks: worthless after a reboot */
  run: string;
  /** remotes and client certificates */
  config: string;
}

export interface PathsInput {
  env: (name: string) => string | undefined;
  uid: number;
  home: string;
  /** whether a directory exists and belongs to the user */
  owns(directory: string): boolean;
}

/**
 * The three directories. `DREY_DIR` moves state and run-time files together, so that two values are two
 * independent dreys; otherwise the XDG directories count, and for root the usual system ones.
 */
export function choosePaths({ env, uid, home, owns }: PathsInput): Paths {
  const config = env("DREY_CONF") ?? join(env("XDG_CONFIG_HOME") ?? join(home, ".config"), "drey");
  const own = env("DREY_DIR");
  if (own !== undefined && own !== "") return { state: own, run: join(own, "run"), config };
  if (uid === 0) return { state: "/var/lib/drey", run: "/run/drey", config };
  const state = join(env("XDG_DATA_HOME") ?? join(home, ".local", "share"), "drey");
  const session = env("XDG_RUNTIME_DIR") ?? `/run/user/${uid}`;
  return { state, run: owns(session) ? join(session, "drey") : join(state, "run"), config };
}
