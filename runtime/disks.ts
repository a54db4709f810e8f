// Disks of a container as steps: trees of the host that it is shown, from its start on or while it runs. Knows nothing
// of devices and volumes.

import { type IdMap, isSingle, mapText } from "../idmap/map.ts";
import { DreyError } from "../errors.ts";
import { sealDescriptors } from "../sys/descriptors.ts";
import { run } from "../sys/run.ts";
import type { BoxNode } from "./container_plan.ts";
import { stagingDirectory, stagingMount } from "./namespaces.ts";
import { flags, type MountAttribute } from "./kernel_flags.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

/** One disk. */
export interface Disk {
  /** path of the host without links */
  source: string;
  /** device and inode the source had when it was looked at */
  id: string;
  /** path inside */
  path: string;
  recursive: boolean;
  attributes: MountAttribute[];
  propagation: "private" | "rprivate" | "unbindable" | "runbindable";
  /** ids to shift owners by; an idmapped mount, which only root of the host can make */
  shift?: IdMap;
}

const propagations: Record<Disk["propagation"], number> = {
  private: 0,
  rprivate: 0,
  unbindable: 1 << 17,
  runbindable: (1 << 17) | flags.MS_REC,
};

/** Where a disk waits while a container is built: beside its root. */
const placeFor = (root: string, index: string) => `${root.replace(/\/[^/]*$/, "")}/disks/${index}`;

/** Fetches a disk's source into the place beside a root that is being built; `name` is one of its own. */
export function fetchSteps(disk: Disk, { root, name }: { root: string; name: string }): Step[] {
  const staging = root.replace(/\/[^/]*$/, "");
  const isAbove = disk.source === "/" || `${staging}/`.startsWith(`${disk.source}/`);
  return [{
    do: "bind",
    source: disk.source,
    place: placeFor(root, name),
    id: disk.id,
    recursive: disk.recursive,
    attributes: disk.attributes,
    ...(disk.shift === undefined
      ? {}
      : { shift: { uidMap: mapText(disk.shift.uids), gidMap: mapText(disk.shift.gids) } }),
    ...(isAbove ? { cover: staging.slice(disk.source === "/" ? 0 : disk.source.length) } : {}),
  }];
}

/** Shows it inside, as the container's root. */
export function showSteps(disk: Disk, { root, name }: { root: string; name: string }): Step[] {
  const propagation = propagations[disk.propagation];
  return [{ do: "show", place: placeFor(root, name), root, path: disk.path, propagation }];
}

/** A device node that root makes for a container. */
export interface MadeNode extends BoxNode {
  /** path inside */
  path: string;
}

/** Makes a node in memory, beside a root that is being built; `name` is one of its own. For root alone. */
export function makeNodeSteps(node: MadeNode, { root, name }: { root: string; name: string }): Step[] {
  const place = placeFor(root, name);
  const { kind, numbers, uid, gid, mode } = node;
  return [
    ...[place.replace(/\/[^/]*$/, ""), place].map((path): Step => ({ do: "mkdir", path })),
    // what else is mounted here lets nobody open devices
    {
      do: "mount",
      type: "tmpfs",
      source: "drey",
      target: place,
      flags: ["nosuid"],
      data: "mode=755,size=4k",
    },
    { do: "node", path: `${place}/node`, kind, numbers, uid, gid, mode },
  ];
}

/** Shows it inside, as the container's root. */
export function showNodeSteps({ path }: MadeNode, { root, name }: { root: string; name: string }): Step[] {
  return [{ do: "show", place: `${placeFor(root, name)}/node`, root, path, propagation: 0 }];
}

/** A container that runs. */
export interface RunningContainer {
  /** host pid of its init */
  pid: number;
  map: IdMap;
  /** whether it stands below a parent user namespace, as it does for everybody but root */
  hasParent: boolean;
  /** directory inside that its paths are meant below, for the box of a virtual machine */
  root?: string;
}

/**
 * Shows a disk to a container that runs.
 *
 * @throws {DreyError} `KERNEL_REFUSED`
 */
export async function plugDisk(container: RunningContainer, disk: Disk): Promise<void> {
  const staging = stagingDirectory({ kind: "directory", path: disk.source });
  const root = `${staging}/root`;
  await plug(container, {
    staging,
    fetch: fetchSteps(disk, { root, name: "0" }),
    place: placeFor(root, "0"),
    path: disk.path,
    propagation: propagations[disk.propagation],
  });
}

/** Shows a node that is made for it to a container that runs. @throws {DreyError} `KERNEL_REFUSED` */
export async function plugNode(container: RunningContainer, node: MadeNode): Promise<void> {
  const staging = stagingDirectory({ kind: "directory", path: "/dev" });
  const root = `${staging}/root`;
  await plug(container, {
    staging,
    fetch: makeNodeSteps(node, { root, name: "0" }),
    place: `${placeFor(root, "0")}/node`,
    path: node.path,
    propagation: 0,
  });
}

async function plug(
  container: RunningContainer,
  { staging, fetch, place, path, propagation }: {
    staging: string;
    fetch: Step[];
    place: string;
    path: string;
    propagation: number;
  },
): Promise<void> {
  const identity = identityIn(container);
  await walk([
    ...enterParent(container),
    { do: "unshare", kinds: ["mnt"] },
    { do: "mount", type: "none", source: "none", target: "/", flags: ["rec", "private"] },
    stagingMount(staging),
    ...fetch,
    { do: "plug", place, pid: container.pid, identity, root: container.root ?? "/", path, propagation },
  ]);
}

/** Takes a disk, or a device node, away from a container that runs; nothing happens if it is not there. */
export async function unplugDisk(
  container: RunningContainer,
  path: string,
  { isNode = false }: { isNode?: boolean } = {},
): Promise<void> {
  const identity = identityIn(container);
  await walk([...enterParent(container), {
    do: "unplug",
    pid: container.pid,
    identity,
    root: container.root ?? "/",
    path,
    isNode,
  }]);
}

const identityIn = ({ map }: RunningContainer) => isSingle(map) ? "kept" : "root";

function enterParent(container: RunningContainer): Step[] {
  if (!container.hasParent) return [];
  return [{ do: "enter-user", pid: container.pid, level: "parent", identity: identityIn(container) }];
}

async function walk(steps: readonly Step[]): Promise<void> {
  sealDescriptors();
  const { code, stderr } = await run(["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)]);
  if (code === 0) return;
  const said = stderr.trim().split("\n")[0] ?? "";
  throw new DreyError("KERNEL_REFUSED", { message: `Cannot change the disks of the container: ${said}` });
}
