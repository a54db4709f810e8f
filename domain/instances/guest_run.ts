// Answering an instance at its /dev/lxd/sock: for as long as it asks, and no longer than it runs.

import { join } from "@std/path";
import { parseMap, toHost } from "../../idmap/map.ts";
import { answerGuest } from "../../runtime/guest_socket.ts";
import { runFiles } from "../../runtime/run_files.ts";
import { initPid, waitForEnd } from "../../runtime/run_state.ts";
import { peerOf } from "../../sys/unix_sockets.ts";
import type { Context, Ref } from "../context.ts";
import { instancePaths } from "./record.ts";
import { readRunRecord } from "./run_record.ts";

/** One stretch of answering. */
export interface GuestTurn {
  /** a listening socket, to be closed before the turn ends */
  fd: number;
  /** whether the other end of an accepted connection is root of the instance */
  isRoot(connection: number): boolean;
  /** aborted when the instance ends */
  ended: AbortSignal;
}

/** Calls `answer` until it has come to an end with nobody left who asks; does nothing for an instance that is gone. */
export async function answerInstance(
  context: Context,
  ref: Ref,
  { socket, answer }: { socket: number; answer: (turn: GuestTurn) => Promise<void> },
): Promise<void> {
  const { run } = instancePaths(context, ref);
  const pid = initPid(run);
  const record = readRunRecord(run);
  if (pid === undefined || record === undefined) return;
  const root = toHost(parseMap(record.idmap).uids, 0);
  const over = new AbortController();
  void waitForEnd(pid, -1).then(() => over.abort());
  const isRoot = (connection: number) => root !== undefined && peerOf(connection).uid === root;
  await answerGuest(socket, join(run, runFiles.guest), (fd) => answer({ fd, isRoot, ended: over.signal }));
}
