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
  /** the directory of run-time files that an earlier process linked to from this state, if it is still there */
  linkedRun(state: string): string | undefined;
}

/**
 * The three directories. `DREY_DIR` moves state and run-time files together, so that two values are two
 * independent dreys; otherwise the XDG directories count, and for root the usual system ones. Sessions differ (`su` keeps the
 * `XDG_RUNTIME_DIR` of another user, cron has none), and whoever looked elsewhere would take what runs for stopped: so
 * the first choice holds until the host restarts.
 */
export function choosePaths({ env, uid, home, owns, linkedRun }: PathsInput): Paths {
  const config = env("DREY_CONF") ?? join(env("XDG_CONFIG_HOME") ?? join(home, ".config"), "drey");
  const own = env("DREY_DIR");
  if (own !== undefined && own !== "") return { state: own, run: join(own, "run"), config };
  if (uid === 0) return { state: "/var/lib/drey", run: "/run/drey", config };
  const state = join(env("XDG_DATA_HOME") ?? join(home, ".local", "share"), "drey");
  const linked = linkedRun(state);
  if (linked !== undefined) return { state, run: linked, config };
  const session = [env("XDG_RUNTIME_DIR"), `/run/user/${uid}`].find((path) =>
    path !== undefined && owns(path)
  );
  const [here, there] = [join(state, "run"), session === undefined ? undefined : join(session, "drey")];
  const isHere = there === undefined || (!owns(there) && owns(here));
  return { state, run: isHere ? here : there, config };
}
