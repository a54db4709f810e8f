// The socket at which a container learns of itself, /dev/lxd/sock inside. Nobody waits at it: the supervisor holds it
// open, and the kernel tells him by a signal that somebody has connected. Only then a process is started that answers.

import { closeFd, copyFd } from "../sys/descriptors.ts";
import { isReadable } from "../sys/poll.ts";
import { openUnixSocket } from "../sys/unix_sockets.ts";
import { removeIfThere } from "../sys/present.ts";

/**
 * A Perl program: closes the descriptor of its first argument, runs what follows the second, and if that fails removes
 * the file of the second, so that the next connection is answered again.
 */
export const guestStarter = String.raw`my ($fd, $mark) = splice @ARGV, 0, 2;
open my $held, '<&=', $fd and close $held;
system { $ARGV[0] } @ARGV and unlink $mark`;

/** A socket for a container that is about to start; disposing it closes this process's hold on it. */
export function openGuestSocket(): Disposable & { fd: number } {
  const fd = openUnixSocket();
  return { fd, [Symbol.dispose]: () => closeFd(fd) };
}

/** Answers at a guest's socket until nobody asks any more; a function that ends when that is so, and can begin again. */
export type Answering = (fd: number) => Promise<void>;

/**
 * Answers for as long as there are connections, without missing one that comes at the last moment: as long as the mark
 * is there, nobody else begins to answer; once it is gone, the supervisor is told of every newcomer.
 *
 * @param mark file that says that somebody answers
 */
export async function answerGuest(fd: number, mark: string, answer: Answering): Promise<void> {
  do {
    const copy = copyFd(fd);
    await answer(copy);
    removeIfThere(mark);
  } while (await isReadable(fd) && takeMark(mark));
}

/** False if another process answers by now. */
function takeMark(mark: string): boolean {
  try {
    Deno.openSync(mark, { write: true, createNew: true }).close();
    return true;
  } catch (error) {
    // or the container has ended, and its run directory is gone
    if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
