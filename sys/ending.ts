// The end of something that lasts, for those who wait for one thing after another beside it. Promise.race() with a promise
// that stays open keeps what each race came to until that one is settled as well: all that a command has ever written.

/** An end that comes once, in whatever way. */
export interface Ending {
  readonly isOver: boolean;
  /** what a promise comes to; undefined if the end is there first, and then nobody hears of the promise any more */
  before<T>(promise: Promise<T>): Promise<T | undefined>;
}

/** The end that a promise tells of; a rejection is one too. */
export function endingOf(ended: Promise<unknown>): Ending {
  let isOver = false;
  const waiting = new Set<() => void>();
  const end = () => {
    isOver = true;
    for (const tell of waiting) tell();
  };
  ended.then(end, end);
  return {
    get isOver() {
      return isOver;
    },
    before<T>(promise: Promise<T>): Promise<T | undefined> {
      return new Promise((resolve, reject) => {
        const tell = () => resolve(undefined);
        if (isOver) tell();
        else waiting.add(tell);
        const heard = () => waiting.delete(tell);
        promise.then(resolve, reject).then(heard);
      });
    },
  };
}
