// The root that a delete will want, begun on its words alone: it takes longest, and can come into being while everything
// else is loaded. A wrong guess costs a process that ends unused. A launch and a start gain nothing by it: their planning
// is as busy as the programs that open a namespace.

import { exists } from "../../sys/present.ts";
import { currentPaths, currentUser } from "../open.ts";
import { beginFileRoot, endEarlyFileRoot } from "./file_root.ts";

export { endEarlyFileRoot as endUnwanted };

/** Begins what a delete in plain words will want, if this process is the one to do it. */
export function beginWanted([, ...words]: readonly string[]): void {
  if (!isPlain(words)) return;
  const { state, config } = currentPaths();
  // a server may listen, and names may be those of another one
  if (exists(`${state}/unix.socket`) || exists(`${config}/config.yml`)) return;
  beginFileRoot(currentUser());
}

/** Whether words are names on this machine, with no flag that changes what is meant. */
function isPlain(words: readonly string[]): boolean {
  const names = words.filter((word) => !["-f", "--force", "-q", "--quiet"].includes(word));
  return names.length > 0 && names.every((name) => /^[\w.]+(-[\w.]+)*$/.test(name));
}
