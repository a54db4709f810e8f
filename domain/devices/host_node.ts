// Device nodes of the host in a container, whichever type of devices found them. A user's container is shown the host's
// own node, which it may open as everybody may; root makes another one, with an owner inside.

import * as keys from "../../config/devices/unix_node.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, toHost } from "../../idmap/map.ts";
import {
  type Disk,
  fetchSteps,
  type MadeNode,
  makeNodeSteps,
  plugDisk,
  plugNode,
  type RunningContainer,
  showNodeSteps,
  showSteps,
  unplugDisk,
} from "../../runtime/disks.ts";
import { usableNodes } from "../instances/device_nodes.ts";
import type { DeviceSite, DeviceType, LiveSite, StartParts, StartSite } from "./device.ts";
import { runningContainer } from "./running.ts";

export interface HostNode {
  /** path on the host */
  source: string;
  /** path inside */
  path: string;
  /** what it is where no node is at the source, which root makes all the same */
  fallback?: { kind: MadeNode["kind"]; numbers: [number, number] };
}

/** A node as it comes in: a file of the host's, or one that is made. */
type Given = { made: MadeNode } | { shown: Disk };

/**
 * A type of devices that gives nodes to containers.
 *
 * @param find the nodes of a device, whether they are there or not; none if nothing is found and need not be
 */
export function nodeType(
  find: (site: DeviceSite) => HostNode[],
): Required<Pick<DeviceType, "start" | "add" | "remove">> {
  return {
    start(site) {
      const given = find(site).map((node) => giveNode(site, node, site.map));
      if (given.length === 0) return { warnings: [`nothing is there for device "${site.name}"`] };
      return startParts(site, given);
    },
    async add(site) {
      const container = runningContainer(site);
      for (const node of find(site)) {
        await plugGiven(container, giveNode(site, node, container.map));
      }
    },
    async remove(site) {
      const { path, source } = site.device;
      // what has been taken from the host may still be shown
      const named = path || source;
      const paths = named ? [named] : find(site).map((node) => node.path);
      for (const path of paths) {
        await unplugDisk(runningContainer(site), path, { isNode: true });
        await showAgain(site, path, find);
      }
    },
  };
}

/** Shows what else is at the path of a node that went: a node of every container's, or one of another device. */
async function showAgain(
  site: LiveSite,
  path: string,
  find: (site: DeviceSite) => HostNode[],
): Promise<void> {
  const container = runningContainer(site);
  const own = usableNodes().some((node) => path === `/dev/${node}`) ? lookAt(path) : undefined;
  if (own !== undefined) await plugDisk(container, shownNode(own, path));
  for (const [name, device] of Object.entries(site.devices)) {
    if (name === site.name || device["type"] !== site.device["type"]) continue;
    const other = { ...site, name, device };
    for (const node of find(other).filter((node) => node.path === path)) {
      await plugGiven(container, giveNode(other, node, container.map));
    }
  }
}

async function plugGiven(container: RunningContainer, given: Given): Promise<void> {
  if ("made" in given) await plugNode(container, given.made);
  else await plugDisk(container, given.shown);
}

function startParts(site: StartSite, given: readonly Given[]): StartParts {
  const at = (root: string, index: number) => ({
    root,
    name: `node-${encodeURIComponent(site.name)}-${index}`,
  });
  return {
    reads: given.flatMap((one) => "shown" in one ? [one.shown.source] : []),
    outer: (root) =>
      given.flatMap((one, index) =>
        "made" in one ? makeNodeSteps(one.made, at(root, index)) : fetchSteps(one.shown, at(root, index))
      ),
    inner: (root) =>
      given.flatMap((one, index) =>
        "made" in one ? showNodeSteps(one.made, at(root, index)) : showSteps(one.shown, at(root, index))
      ),
  };
}

/** @throws {DreyError} `FORBIDDEN` if nobody inside could open it, `NOT_SUPPORTED` for what only root can do */
function giveNode({ context, name, device }: DeviceSite, node: HostNode, map: IdMap): Given {
  const facts = lookAt(node.source);
  const owner = keys.ownerKeys.find((key) => device[key.name]);
  if (context.user.uid === 0) {
    const like = facts ?? node.fallback;
    if (like === undefined) throw absentNode(name, node.source);
    return {
      made: {
        kind: node.fallback?.kind ?? like.kind,
        numbers: node.fallback?.numbers ?? like.numbers,
        uid: hostId(name, map.uids, readKey(device, keys.uid) ?? 0),
        gid: hostId(name, map.gids, readKey(device, keys.gid) ?? 0),
        mode: readKey(device, keys.mode) ?? facts?.mode ?? 0o660,
        path: node.path,
      },
    };
  }
  if (owner !== undefined) throw needsRoot(name, `the key "${owner.name}"`);
  if (facts === undefined) throw absentNode(name, node.source);
  const [major, minor] = node.fallback?.numbers ?? facts.numbers;
  if (major !== facts.numbers[0] || minor !== facts.numbers[1]) {
    throw needsRoot(name, `a node ${major}:${minor}, which "${node.source}" is not,`);
  }
  if ((facts.mode & 0o6) === 0) throw closedNode(name, node.source, facts.kind);
  return { shown: shownNode(facts, node.path) };
}

function shownNode({ source, id }: HostFacts, path: string): Disk {
  return { source, id, path, recursive: false, attributes: ["nosuid"], propagation: "private" };
}

/** What is at a path of the host; undefined if it is no device node. */
export function lookAt(path: string): (HostFacts & Pick<MadeNode, "kind" | "numbers" | "mode">) | undefined {
  try {
    const source = Deno.realPathSync(path);
    const { isCharDevice, isBlockDevice, rdev, mode, dev, ino } = Deno.statSync(source);
    if (!isCharDevice && !isBlockDevice) return undefined;
    return {
      source,
      id: `${dev}:${ino}`,
      kind: isCharDevice ? "char" : "block",
      numbers: numbersOf(rdev ?? 0),
      mode: (mode ?? 0) & 0o777,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

interface HostFacts {
  /** path without links */
  source: string;
  /** device and inode */
  id: string;
}

/** Major and minor as glibc packs them; gnu_dev_major(3). */
export function numbersOf(rdev: number): [major: number, minor: number] {
  const bits = BigInt(rdev);
  const major = (bits >> 8n & 0xfffn) | (bits >> 32n & ~0xfffn);
  const minor = (bits & 0xffn) | (bits >> 12n & ~0xffn & 0xffff_ffffn);
  return [Number(major), Number(minor)];
}

function hostId(name: string, ranges: IdMap["uids"], id: number): number {
  const found = toHost(ranges, id);
  if (found !== undefined) return found;
  throw new DreyError("BAD_REQUEST", { message: `Device "${name}": the instance has no id ${id}` });
}

export const absentNode = (name: string, source: string) =>
  new DreyError("BAD_REQUEST", {
    message: `Device "${name}": "${source}" is no device node of the host`,
    hint: "Set required=false if the instance can start without it",
  });

/** Of a node that everybody would have to be let into: of a disk that is no advice. */
export const closedNode = (name: string, source: string, kind: MadeNode["kind"]) =>
  new DreyError("FORBIDDEN", {
    message:
      `Device "${name}": only its owner and its group may open "${source}", and nobody in the container is either`,
    hint: kind === "block"
      ? "Opened to everybody, a disk is everybody's on this host. Use a device of type disk with a directory or a " +
        "volume, or have root run the instance"
      : `Ask an administrator to run: chmod o+rw ${source}, or to make a rule of udev that does`,
  });

const needsRoot = (name: string, what: string) =>
  new DreyError("NOT_SUPPORTED", { message: `Device "${name}": ${what} needs root, who can make nodes` });
