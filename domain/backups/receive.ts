// Files that clients send, on their way to what they will become.

import { join } from "@std/path";
import { findAbandoned, partialName } from "../../sys/partial.ts";
import { removeIfThere } from "../../sys/present.ts";
import { whileRoom } from "../../storage/room.ts";
import type { Context } from "../context.ts";

const directoryOf = (context: Context) => join(context.paths.state, "uploads");

/**
 * Takes a file in; it goes when it is disposed.
 *
 * @throws {DreyError} `NO_SPACE`
 */
export async function receiveFile(
  context: Context,
  what: string,
  content: ReadableStream<Uint8Array>,
): Promise<AsyncDisposable & { path: string }> {
  const directory = directoryOf(context);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = partialName(join(directory, what));
  const remove = () => Promise.resolve(removeIfThere(path));
  try {
    const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    await ReadableStream.from(whileRoom(directory, content)).pipeTo(file.writable);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** Files that killed processes had begun to take in. */
export const abandonedFiles = (context: Context): string[] => findAbandoned(directoryOf(context));
