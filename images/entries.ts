// What an archive may contain: names that stay in the tree, links that lead nowhere else, devices only below dev/.

import { invalid } from "./archive.ts";
import type { TarEntry } from "./tar.ts";

/**
 * A judge of entries in the order of the archive; it remembers symbolic links, since a later name may lead through
 * one.
 *
 * @param root directory of the archive that becomes `/`, with its slash: `rootfs/`, or empty
 */
export function entryCheck(root: string): (entry: TarEntry) => void {
  const links = new Map<string, string>();
  return (entry) => {
    const name = plainName(entry.name);
    if (!staysInside(parentOf(name), links)) {
      throw refuse(entry, "leads out of the tree through a symbolic link");
    }
    if (entry.type === "hardlink" && !staysInside(plainName(entry.target), links)) {
      throw refuse(entry, "is a hard link out of the tree");
    }
    if ((entry.type === "char" || entry.type === "block") && !name.startsWith(`${root}dev/`)) {
      throw refuse(entry, "is a device outside dev/");
    }
    if (entry.type === "symlink") links.set(name, entry.target);
  };
}

/**
 * A name without `./` and slashes at its ends; empty for the top itself. An absolute name is one from the top of the
 * tree, as it is for tar: LXD takes such archives, so they are about.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it climbs
 */
export function plainName(name: string): string {
  const words = name.split("/").filter((word) => word !== "" && word !== ".");
  if (words.includes("..")) throw invalid(`the archive holds the climbing name "${printable(name)}"`);
  return words.join("/");
}

/** Follows the links met so far, as the kernel would, and tells whether the path stays below the top. */
function staysInside(path: string, links: ReadonlyMap<string, string>): boolean {
  let rest = path.split("/").filter((word) => word !== "");
  let at: string[] = [];
  for (let hops = 0; rest.length > 0;) {
    const [word = "", ...after] = rest;
    rest = after;
    if (word === ".." && at.length === 0) return false;
    at = word === ".." ? at.slice(0, -1) : [...at, word];
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    // in the container an absolute link starts at its root, but the program that unpacks sees another root
    if (target.startsWith("/") || ++hops > 40) return false;
    rest = [...target.split("/").filter((part) => part !== "" && part !== "."), ...rest];
    at = at.slice(0, -1);
  }
  return true;
}

const parentOf = (name: string) => name.split("/").slice(0, -1).join("/");
const refuse = (entry: TarEntry, why: string) => invalid(`entry "${printable(entry.name)}" ${why}`);
// deno-lint-ignore no-control-regex -- control characters are what must not reach a terminal
const printable = (name: string) => name.slice(0, 200).replace(/[\x00-\x1f\x7f-\xff]/g, "?");
