// A migration as an operation of one server: with the streams of another server's operation, or its own.

import { findTool } from "../../sys/tools.ts";
import { fullPath, toolMissing } from "../../sys/run.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { type OperationStart, startOperation, type Task } from "../operations.ts";
import { type Channels, checkMeeting, expectChannels, meet, type Meeting } from "./channels.ts";

/** What one server does of a migration. */
export interface Migration extends Pick<OperationStart, "project" | "description" | "resources"> {
  /** the operation that waits for this server; without one, this operation waits itself */
  meeting: Meeting | undefined;
  work(channels: Channels, task: Task): Promise<void>;
}

/** Starts it. @throws {DreyError} `BAD_REQUEST`, `TOOL_MISSING` */
export async function startMigration(
  context: Context,
  { meeting, work, ...about }: Migration,
): Promise<Operation> {
  if (findTool("rsync", fullPath()) === undefined) throw toolMissing("rsync");
  const run = (open: (signal: AbortSignal) => Promise<Channels>) => async (task: Task) => {
    using channels = await open(task.signal);
    await work(channels, task);
  };
  if (meeting !== undefined) {
    checkMeeting(meeting);
    const open = (signal: AbortSignal) => meet(meeting, signal);
    return await startOperation(context, { ...about, mayCancel: true, run: run(open) });
  }
  const { secrets, connect, open } = expectChannels();
  return await startOperation(context, {
    ...about,
    class: "websocket",
    metadata: secrets,
    mayCancel: true,
    connect,
    run: run(open),
  });
}
