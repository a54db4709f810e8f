// What is done and said when a commit finds that somebody else was faster.

import { DreyError } from "../errors.ts";

/** `title` is what was to be changed, `Instance "web"`. */
export const changedMeanwhile = (title: string): DreyError =>
  new DreyError("CONFLICT", { message: `${title} was changed meanwhile`, hint: "Try again" });

/**
 * Looks and commits until nobody was faster; `attempt` tells whether it committed.
 *
 * @param title as above
 * @throws {DreyError} `CONFLICT` if others are at it without end
 */
export async function retryCommit(title: string, attempt: () => Promise<boolean>): Promise<void> {
  for (let left = 20; left > 0; left--) if (await attempt()) return;
  throw changedMeanwhile(title);
}
