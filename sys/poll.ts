// Waiting for descriptors, poll(2). Deno has 32 threads for everything that waits: the first few who wait have one each,
// and all others share one, however many they are.

import { openPipe, type Pipe } from "./descriptors.ts";
import { callWith, checked, libc, onThread } from "./libc.ts";

export interface Wanted {
  /** poll(2): POLLIN is 1, POLLPRI 2 */
  events: number;
  /** below 0 for ever */
  milliseconds: number;
}

/** how many wait on threads of their own */
const mostAlone = 4;

let alone = 0;

/** poll(2) of one descriptor on another thread: whether it became ready in that time. */
export async function poll(fd: number, wanted: Wanted): Promise<boolean> {
  const end = wanted.milliseconds < 0 ? Infinity : performance.now() + wanted.milliseconds;
  if (alone >= mostAlone) return await waitTogether({ fd, events: wanted.events, end });
  alone++;
  try {
    for (;;) {
      const [ready] = await pollOnce([{ fd, events: wanted.events, end }]);
      if (ready !== undefined) return ready;
    }
  } finally {
    alone--;
  }
}

interface Waiting {
  fd: number;
  events: number;
  /** by the clock of `performance` */
  end: number;
}

/** `bytes` of a struct pollfd */
const size = 8;

/** For each whether it is ready, or false once its time is over; undefined for who waits on. */
async function pollOnce(waiting: readonly Waiting[]): Promise<(boolean | undefined)[]> {
  const bytes = new Uint8Array(size * waiting.length);
  const view = new DataView(bytes.buffer);
  waiting.forEach(({ fd, events }, at) => {
    view.setInt32(size * at, fd, true);
    view.setInt16(size * at + 4, events, true);
  });
  const first = Math.min(...waiting.map(({ end }) => end));
  const patience = first === Infinity
    ? -1
    : Math.min(Math.max(Math.ceil(first - performance.now()), 0), 2 ** 30);
  // below 0 a signal that drey listens for has come on that thread: EINTR, whatever it was about
  const count = await callWith(bytes, () => onThread.poll(bytes, BigInt(waiting.length), patience));
  const now = performance.now();
  return waiting.map(({ end }, at) => {
    if (count > 0 && view.getInt16(size * at + 6, true) !== 0) return true;
    return count >= 0 && end <= now ? false : undefined;
  });
}

/** Who shares the thread, and how each is told. */
const together = new Map<Waiting, (ready: boolean) => void>();
/** ends the thread's wait when another one joins */
let bell: Pipe | undefined;

function waitTogether(waiting: Waiting): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // before the rest: nobody may stay among those who wait that was told there is no pipe
  const isFirst = bell === undefined;
  bell ??= openPipe();
  together.set(waiting, resolve);
  if (isFirst) void pollTogether(bell);
  else ring(bell);
  return promise;
}

async function pollTogether(rung: Pipe): Promise<void> {
  const POLLIN = 1;
  while (together.size > 0) {
    const [wasRung, ...ready] = await pollOnce([
      { fd: rung.readFd, events: POLLIN, end: Infinity },
      ...together.keys(),
    ]);
    if (wasRung) hush(rung);
    [...together].forEach(([waiting, tell], at) => {
      const known = ready[at];
      if (known === undefined) return;
      together.delete(waiting);
      tell(known);
    });
  }
  bell = undefined;
  rung[Symbol.dispose]();
}

/** Whether there is something to read, or its end, or a connection to accept; waits for it at most `milliseconds`. */
export async function isReadable(fd: number, milliseconds = 0): Promise<boolean> {
  const POLLIN = 1;
  return await poll(fd, { events: POLLIN, milliseconds });
}

/**
 * Reads a short text until its end from a pipe of another user's, which Deno cannot open by its number.
 *
 * @see read(2)
 */
export async function readToEnd(fd: number): Promise<string> {
  const bytes = new Uint8Array(4096);
  for (let size = 0;;) {
    await isReadable(fd, -1);
    const rest = bytes.subarray(size);
    const more = checked(libc.read(fd, rest, BigInt(rest.length)), "read(2)", `descriptor ${fd}`);
    if (more === 0) return new TextDecoder().decode(bytes.subarray(0, size));
    size += more;
  }
}

/**
 * Waits until a file of the kernel's, such as `cgroup.events`, has changed since it was last read. Unlike a watch of
 * inotify(7) it takes nothing of a limited supply, of which containers use much.
 *
 * @returns whether it has
 */
export async function waitKernelFile(fd: number, milliseconds: number): Promise<boolean> {
  const POLLPRI = 2;
  return await poll(fd, { events: POLLPRI, milliseconds });
}

function ring({ writeFd }: Pipe): void {
  libc.write(writeFd, new Uint8Array(1), 1n);
}

/** Takes what was rung, of which there is something. */
function hush({ readFd }: Pipe): void {
  const strokes = new Uint8Array(64);
  libc.read(readFd, strokes, BigInt(strokes.length));
}
