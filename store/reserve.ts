// Room for the commits that deleting takes: a file that is there for nothing else, and goes when a commit finds no room.
// Without it nobody could free a full disk by drey's own commands.

import { join } from "@std/path";

/** `bytes`: some commits, and the small files of a command */
const size = 1 << 20;

const fileIn = (directory: string) => join(directory, "reserve");

/** Gives the room up. Answers whether there was any. */
export function giveUpReserve(directory: string): boolean {
  try {
    Deno.removeSync(fileIn(directory));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Takes the room, or what is left of it. */
export function keepReserve(directory: string): void {
  try {
    using file = Deno.openSync(fileIn(directory), { write: true, create: true, mode: 0o600 });
    // a file system that compresses or leaves holes would keep no room for zeros
    const piece = new Uint8Array(1 << 16);
    for (let at = 0; at < size; at += piece.length) {
      crypto.getRandomValues(piece);
      file.writeSync(piece);
    }
  } catch (error) {
    // a full disk gives as much as it has; the directory may be gone with all of drey's
    if (!(error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT|ENOENT)$/.test(String(error.code)))) {
      throw error;
    }
  }
}
