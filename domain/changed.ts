// What is said when a commit finds that somebody else was faster.

import { DreyError } from "../errors.ts";

/** `title` is what was to be changed, `Instance "web"`. */
export const changedMeanwhile = (title: string): DreyError =>
  new DreyError("CONFLICT", { message: `${title} was changed meanwhile`, hint: "Try again" });
