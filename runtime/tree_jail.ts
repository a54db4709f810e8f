// Where a program that reads hostile streams may work on a tree: a root directory with the host's programs, read-only,
// and the tree. Nothing else of the host can be named in there, whatever links the tree holds.

import type { Step } from "./steps.ts";

export interface TreeJail {
  /** walked where the tree is mounted, before the user namespace of its ids is made */
  outer: Step[];
  /** walked as root of its ids; leaves everything else behind */
  inner: Step[];
}

/** Where the tree is, inside. */
export const jailedTree = "/tree";

/** Directories of programs; where /usr is merged, links. And what programs open without being asked to. */
const brought = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/dev/null"];

/** @param tree where it is mounted, in a directory that is a file system of the plan's own */
export function jailAround(tree: string): TreeJail {
  const jail = `${tree}-jail`;
  const inside = jail + jailedTree;
  return {
    outer: [
      { do: "mkdir", path: jail },
      { do: "mkdir", path: inside },
      ...brought.flatMap((path) => bring(path, jail)),
      { do: "mount", type: "none", source: tree, target: inside, flags: ["bind", "rec"] },
    ],
    inner: [
      { do: "unshare", kinds: ["mnt", "net", "ipc"] },
      { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
      // pivot_root(2) wants a mount of its own namespace; the inherited ones are locked, and so stay read-only
      { do: "mount", type: "none", source: jail, target: jail, flags: ["bind", "rec"] },
      { do: "pivot", path: jail },
    ],
  };
}

function bring(path: string, jail: string): Step[] {
  const info = lookAt(path);
  if (info === undefined) return [];
  if (info.isSymlink) return [{ do: "symlink", path: jail + path, target: Deno.readLinkSync(path) }];
  const id = `${info.dev}:${info.ino}`;
  return [{ do: "bind", source: path, place: jail + path, id, recursive: true, attributes: ["ro"] }];
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
