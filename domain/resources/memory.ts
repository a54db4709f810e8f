// Memory, of the host and of each NUMA node.

import { readNames, readNumber, readValue } from "../../sys/sysfs.ts";
import type { MemoryNode, Resources } from "../../wire/resources.ts";
import type { HostTrees } from "./host.ts";

/** Memory as the kernel counts it, in bytes. */
export function readMemory({ sys, proc }: HostTrees): Resources["memory"] {
  const info = readInfo(`${proc}/meminfo`);
  const size = info("Hugepagesize");
  const total = info("MemTotal");
  const base = `${sys}/devices/system/node`;
  return {
    nodes: readNames(base).filter((name) => /^node\d+$/.test(name)).map((name) =>
      readNode(`${base}/${name}`, { node: Number(name.slice(4)), size })
    ),
    hugepages_size: size,
    hugepages_total: info("HugePages_Total") * size,
    hugepages_used: (info("HugePages_Total") - info("HugePages_Free")) * size,
    used: total - info("MemAvailable"),
    total,
  };
}

function readNode(path: string, { node, size }: { node: number; size: number }): MemoryNode {
  const info = readInfo(`${path}/meminfo`);
  const pages = `${path}/hugepages/hugepages-${size / 1024}kB`;
  const huge = readNumber(`${pages}/nr_hugepages`);
  const total = info("MemTotal");
  return {
    numa_node: node,
    hugepages_total: huge * size,
    hugepages_used: (huge - readNumber(`${pages}/free_hugepages`)) * size,
    // a node does not say what is available: what only caches files could be given back
    used: total - info("MemFree") - info("FilePages") - info("SReclaimable"),
    total,
  };
}

/** A field of a meminfo file, in bytes where it has a unit; nodes put their name in front. */
function readInfo(path: string): (name: string) => number {
  const text = readValue(path);
  return (name) => {
    const found = new RegExp(`^(?:Node \\d+ )?${name}:\\s+(\\d+)( kB)?`, "m").exec(text);
    return Number(found?.[1] ?? 0) * (found?.[2] === undefined ? 1 : 1024);
  };
}
