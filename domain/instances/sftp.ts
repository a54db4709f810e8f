// SFTP in an instance's files, running or not, for as long as the client likes; a start or a stop ends it.

import { openFileSession } from "../../runtime/file_sessions.ts";
import { openSftp, type SftpSession } from "../../runtime/sftp.ts";
import type { Context, Ref } from "../context.ts";
import { onWay, openFileWay } from "./file_way.ts";
import { instancePaths } from "./record.ts";

export type { SftpSession } from "../../runtime/sftp.ts";

/**
 * Opens a session.
 *
 * @throws {DreyError} `NOT_FOUND` for the instance; `INSTANCE_STATE` while it starts or stops
 */
export async function openInstanceSftp(context: Context, ref: Ref): Promise<SftpSession> {
  await using way = await openFileWay(context, ref);
  const session = openFileSession(instancePaths(context, ref).fileSessions);
  try {
    // once it is inside, others find it by its lock and end it when they must
    const serving = { steps: way.steps, session, ...(way.door ? { door: way.door } : {}) };
    return await onWay(way, () => openSftp(serving));
  } catch (error) {
    session.close();
    throw error;
  }
}
