// The root file system of a container as mounts: a directory, or layers of files over one another, overlayfs.rst.

import { type IdRange, toHost } from "../idmap/map.ts";
import type { FileSystemImage, RootSource } from "./container_plan.ts";
import type { Step } from "./steps.ts";

/** The instance's own layer shows through as the directory "/", so it belongs to the container's root. */
export function ownRoot(root: RootSource, uids: IdRange[], gids: IdRange[]): Step[] {
  if (root.kind !== "overlay") return [];
  return [{ do: "chown", path: root.upper, uid: toHost(uids, 0) ?? 0, gid: toHost(gids, 0) ?? 0 }];
}

const imageWords = ({ file, at, isReadOnly }: FileSystemImage) => ({ file, at, isReadOnly });

/** Mounts a root file system; `nothing` is an empty directory. */
export function mountRoot(root: RootSource, target: string, nothing: string): Step[] {
  if (root.kind === "directory") {
    const { image } = root;
    return [
      ...(image === undefined ? [] : [{ do: "image", ...imageWords(image) } satisfies Step]),
      { do: "mount", type: "none", source: root.path, target, flags: ["bind", "rec"] },
    ];
  }
  // overlayfs wants two layers, and nothing below a single one is an empty directory
  const layers = root.kind === "layers" && root.lower.length === 1 ? [...root.lower, nothing] : root.lower;
  // all options of a mount(2) fit one page: many layers are named from the directory they share
  const base = root.lower.length > 2 ? sharedDirectory(root.lower) : "";
  const lower = layers.map((path) => escapeLayer(path.slice(base === "" ? 0 : base.length + 1)));
  const own = root.kind === "overlay" ? `,upperdir=${root.upper},workdir=${root.work}` : "";
  // user.overlay.* even as root, who alone may write trusted.overlay.*: layers then mean the same to everybody, and can
  // be copied and merged in a user namespace. No index, since layers below may be merged. overlayfs.rst
  const data = `lowerdir=${lower.join(":")}${own},userxattr,index=off`;
  const mount: Step = { do: "mount", type: "overlay", source: "drey", target, flags: [], data };
  if (base === "") return [mount];
  return [{ do: "chdir", path: base }, mount, { do: "chdir", path: "/" }];
}

/** The deepest directory that all paths lie in. */
function sharedDirectory(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split("/").slice(0, -1));
  const end = first.findIndex((word, at) => others.some((words) => words[at] !== word));
  return (end === -1 ? first : first.slice(0, end)).join("/");
}

const escapeLayer = (path: string) => path.replace(/[\\:,]/g, (c) => `\\${c}`);
