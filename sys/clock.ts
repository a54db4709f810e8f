// A clock that every command can afford: setTimeout() takes Deno 3 to 5 ms when it is first used, the clock of a signal a
// tenth of that, and to take its listener off again half as much.

/**
 * Begins something in a while, unless it is disposed of before.
 *
 * @param milliseconds few: the process lives as long
 */
export function inAWhile(milliseconds: number, begin: () => unknown): Disposable {
  let isWanted = true;
  const ring = () => void (isWanted && begin());
  AbortSignal.timeout(milliseconds).addEventListener("abort", ring, { once: true });
  return {
    [Symbol.dispose]() {
      isWanted = false;
    },
  };
}
