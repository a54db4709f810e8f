// A clock that every command can afford: setTimeout() takes Deno 3 to 5 ms when it is first used, the clock of a signal 0.7,
// and a thread that waits in the kernel 0.1.

import { poll } from "./poll.ts";

/**
 * Begins something in a while, unless it is disposed of before.
 *
 * @param milliseconds few: the process lives as long
 */
export function inAWhile(milliseconds: number, begin: () => unknown): Disposable {
  let isWanted = true;
  // poll(2) passes over a descriptor below 0
  void poll(-1, { events: 0, milliseconds }).then(() => isWanted && begin());
  return {
    [Symbol.dispose]() {
      isWanted = false;
    },
  };
}

/** Comes with the next turn of Deno's loop: what can begin after that does not hold up what has come by then. */
export const nextTurn = (): Promise<unknown> => Deno.lstat("/");
