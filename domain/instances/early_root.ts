// What a command will want, begun on its words alone: it takes longest, and can come into being while everything else is
// loaded. For a delete that is a root over files; a wrong guess costs a process that ends unused. A launch and a start gain
// nothing by one: their planning is as busy as the programs that open a namespace. They want the kernel to be ready for
// moves between cgroups; a wrong guess costs nothing that anybody feels.

import { primeMoves, readCgroupFacts } from "../../runtime/cgroup_home.ts";
import type { Paths } from "../../sys/paths.ts";
import { currentPlaces } from "../places.ts";
import { isOurs, isServed } from "./early_words.ts";
import { beginFileRoot, endEarlyFileRoot } from "./file_root.ts";

export { endEarlyFileRoot as endUnwanted };

/** Begins what a command will want, if this process is the one to do it. */
export function beginWanted(argv: readonly string[]): void {
  try {
    const { paths, user } = currentPlaces();
    if (argv[0] === "delete") {
      if (willWant(argv, paths)) beginFileRoot(user);
    } else if (!isServed(paths)) primeMoves(readCgroupFacts(user.uid), 2);
  } catch {
    // a directory that cannot be looked into: the command meets it as well, and says so
  }
}

/** Whether a command line is a delete in plain words that no server will do: one may listen, or be meant by a name. */
export function willWant([, ...words]: readonly string[], paths: Pick<Paths, "state" | "config">): boolean {
  return isPlain(words) && isOurs(paths);
}

/** Whether words are names on this machine, with no flag that changes what is meant. */
function isPlain(words: readonly string[]): boolean {
  const names = words.filter((word) => !["-f", "--force", "-q", "--quiet"].includes(word));
  return names.length > 0 && names.every((name) => /^[\w.]+(-[\w.]+)*$/.test(name));
}
