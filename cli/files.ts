// Files on this side: what a server sends goes into one whole or not at all, what it is sent comes from one.

import { DreyError } from "../errors.ts";
import type { Shell } from "./shell.ts";
import { onSignals } from "./terminal.ts";

/** Writes an answer to a file, or to standard output for `-`. */
export async function saveTo(shell: Shell, path: string, response: Response): Promise<void> {
  const body = response.body ?? new Blob().stream();
  if (path === "-") {
    for await (const chunk of body) shell.print(chunk);
    return;
  }
  await saveBody(path, body);
}

/** Writes a file, which has its name only when it is whole. */
export async function saveBody(path: string, body: ReadableStream<Uint8Array>): Promise<void> {
  const { partial, file } = await openPartial(path);
  try {
    {
      using _signals = onSignals((number) => leave(partial, number), { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 });
      await body.pipeTo(file.writable);
    }
    await Deno.rename(partial, path);
  } catch (error) {
    await Deno.remove(partial);
    throw error;
  }
}

/** Ends drey as its end by a signal would, without what it had written by then. */
function leave(partial: string, signal: number): never {
  Deno.removeSync(partial);
  Deno.exit(128 + signal);
}

/** A new file beside a path, which is nobody else's, whatever they call theirs. */
async function openPartial(path: string): Promise<{ partial: string; file: Deno.FsFile }> {
  const partial = `${path}.${crypto.randomUUID()}.part`;
  return { partial, file: await Deno.open(partial, { write: true, createNew: true }) };
}

/** Fails before a server has done the work if what it will send has no place. @throws {DreyError} */
export async function mustBeWritable(path: string): Promise<void> {
  if (path === "-") return;
  if (await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false)) {
    throw new DreyError("BAD_REQUEST", { message: `Cannot write "${path}": it is a directory` });
  }
  try {
    const { partial, file } = await openPartial(path);
    file.close();
    await Deno.remove(partial);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message.split(" (os error")[0] : String(cause);
    throw new DreyError("BAD_REQUEST", { message: `Cannot write "${path}": ${found}`, cause });
  }
}

/** Opens a file, or standard input for `-`, to be sent. @throws {DreyError} `NOT_FOUND` */
export async function openToSend(path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (path === "-") return Deno.stdin.readable;
  try {
    const file = await Deno.open(path);
    if (!(await file.stat()).isDirectory) return file.readable;
    file.close();
    throw new DreyError("BAD_REQUEST", { message: `Cannot import "${path}": it is a directory` });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new DreyError("NOT_FOUND", { message: `Cannot import "${path}": there is no such file`, cause });
  }
}
