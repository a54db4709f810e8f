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
  // the directory of the last entry, if no link is on the way to it: most entries lie where the one before them does
  let plain: string | undefined = "";
  return (entry) => {
    const name = plainName(entry.name);
    const parent = parentOf(name);
    if (parent !== plain) {
      if (!staysInside(parent, links)) {
        throw refuse(entry, "leads out of the tree through a symbolic link");
      }
      plain = links.has(parent) || leadsThrough(parent, links) ? undefined : parent;
    }
    if (entry.type === "hardlink" && !staysInside(plainName(entry.target), links)) {
      throw refuse(entry, "is a hard link out of the tree");
    }
    if ((entry.type === "char" || entry.type === "block") && !name.startsWith(`${root}dev/`)) {
      throw refuse(entry, "is a device outside dev/");
    }
    if (entry.type !== "symlink") return;
    links.set(name, entry.target);
    if (plain === name || plain?.startsWith(`${name}/`)) plain = undefined;
  };
}

/**
 * A name without `./` and slashes at its ends; empty for the top itself. An absolute name is one from the top of the
 * tree, as it is for tar: LXD takes such archives, so they are about.
 *
 * @throws {DreyError} `IMAGE_INVALID` if it climbs
 */
export function plainName(name: string): string {
  if (!unplain.test(name)) return name;
  const words = name.split("/").filter((word) => word !== "" && word !== ".");
  if (words.includes("..")) throw invalid(`the archive holds the climbing name "${printable(name)}"`);
  return words.join("/");
}

/** A name with something to take away, or to refuse. */
const unplain = /(?:^|\/)(?:\.{0,2}(?:\/|$))/;

/** Whether a directory on the way to a path is a link. */
function leadsThrough(path: string, links: ReadonlyMap<string, string>): boolean {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    if (links.has(path.slice(0, at))) return true;
  }
  return false;
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

const parentOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf("/")));
const refuse = (entry: TarEntry, why: string) => invalid(`entry "${printable(entry.name)}" ${why}`);
// deno-lint-ignore no-control-regex -- control characters are what must not reach a terminal
const printable = (name: string) => name.slice(0, 200).replace(/[\x00-\x1f\x7f-\xff]/g, "?");
