// A session of SFTP in the files of a container: a process that stands inside for as long as the session lasts, and
// its two streams.

import { inheriting, sealDescriptors } from "../sys/descriptors.ts";
import { beginningOf } from "../sys/bounded_text.ts";
import { fullPath, kill, spawn } from "../sys/run.ts";
import { whyEnded } from "./file_errors.ts";
import type { FileSession } from "./file_sessions.ts";
import { sftpServer } from "./sftp_server.pl.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { inGuest } from "./vm/door.pl.ts";

export interface SftpSession extends AsyncDisposable {
  /** what the server says; ends with the session */
  readonly output: ReadableStream<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
}

export interface SftpServing {
  /** how to get inside */
  steps: readonly Step[];
  /** the door of a virtual machine's keeper: the steps are taken in its guest */
  door?: string;
  session: FileSession;
}

const ready = "ready\n";

/**
 * Starts a session; it is inside, and needs nothing of the outside any more, once this returns.
 *
 * @throws {DreyError} `KERNEL_REFUSED` if the kernel does not let it in
 */
export async function openSftp({ steps, session, door }: SftpServing): Promise<SftpSession> {
  sealDescriptors();
  const all: Step[] = [...steps, { do: "sftp" }];
  const argv = ["/usr/bin/perl", "-e", sftpServer(all), formatSteps(all), session.mark];
  const child = inheriting([session.lock], () =>
    spawn(door === undefined ? argv : inGuest(door, argv), {
      env: { PATH: fullPath() },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }));
  const said = beginningOf(child.stderr);
  const ended = child.status.then(() => session.close());
  session.hand(child.pid);
  const first = await readFirst(child.stdout);
  if (first !== ready) {
    if (first !== "") kill(child, "SIGKILL");
    await ended;
    throw await whyEnded(child, said);
  }
  const writer = child.stdin.getWriter();
  return {
    output: child.stdout,
    write: (bytes) => writer.write(bytes),
    async [Symbol.asyncDispose]() {
      kill(child, "SIGKILL");
      await ended;
      await writer.abort().catch(() => {}); // what was on its way is nobody's any more
      await said;
    },
  };
}

/** The word a server begins with; nothing follows it before it is asked. */
async function readFirst(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}
