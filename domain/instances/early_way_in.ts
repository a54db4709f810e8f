// What an exec will want, begun on its words alone: the way into the container, which then comes into being while all else
// is loaded. A wrong guess costs a process that ends unused.

import { beginAttach, endEarlyAttach } from "../../runtime/attach.ts";
import { currentPlaces } from "../places.ts";
import { isOurs } from "./early_words.ts";

export { endEarlyAttach as endUnwanted };

/** Begins what a command will want, if this process is the one to do it. */
export async function beginWanted(argv: readonly string[]): Promise<void> {
  const name = containerOf(argv);
  // a terminal has another way in
  if (name === undefined || (Deno.stdin.isTerminal() && Deno.stdout.isTerminal())) return;
  try {
    const places = currentPlaces();
    if (!isOurs(places.paths)) return;
    beginAttach();
    // while that starts
    const { hastenWayIn } = await import("./way_in.ts");
    hastenWayIn(places, { project: "default", name });
  } catch {
    // what cannot be looked at or entered is met by the command as well, which says so
  }
}

/** The container that a line such as `exec web -- true` means, if it is in plain words. */
export function containerOf([, name = "", next = ""]: readonly string[]): string | undefined {
  const isPlain = /^[a-zA-Z][\w-]*$/.test(name) && (next === "--" || !next.startsWith("-"));
  return isPlain ? name : undefined;
}
