// Processors: sockets, their cores and caches, the threads of each core.

import { parseCpuSet } from "../../config/types.ts";
import { readNames, readNumber, readValue } from "../../sys/sysfs.ts";
import type { CpuCache, CpuCore, CpuSocket, CpuThread, Resources } from "../../wire/resources.ts";
import type { HostTrees } from "./host.ts";

interface Processor {
  id: number;
  path: string;
  socket: number;
  die: number;
  core: number;
  numa: number;
}

/** The processors of a host, whatever limits this process has. */
export function readCpu({ sys, proc }: HostTrees): Resources["cpu"] {
  const base = `${sys}/devices/system/cpu`;
  const online = cpuList(`${base}/online`);
  const isolated = cpuList(`${base}/isolated`);
  const processors = readNames(base).filter((name) => /^cpu\d+$/.test(name)).map((name) =>
    readProcessor(`${base}/${name}`, Number(name.slice(3)))
  );
  const about = aboutProcessors(`${proc}/cpuinfo`);
  const sockets = groups(processors, ({ socket }) => socket).map(([socket, members]): CpuSocket => {
    const said = about.get(members[0]?.id ?? 0) ?? {};
    const cores = groups(members, ({ die, core }) => `${die}:${core}`).map(([, threads]): CpuCore => {
      const { core = 0, die = 0, path = "", id = 0 } = threads[0] ?? {};
      const seen = threads.map((processor, thread): CpuThread => ({
        id: processor.id,
        numa_node: processor.numa,
        thread,
        // a machine whose processors cannot be switched off lists none
        online: online.size === 0 || online.has(processor.id),
        isolated: isolated.has(processor.id),
      }));
      return { core, die, threads: seen, frequency: frequencyOf(path, about.get(id)) };
    });
    const first = `${members[0]?.path}/cpufreq`;
    return {
      name: said["model name"] ?? said["Processor"] ?? "",
      vendor: said["vendor_id"] ?? "",
      socket,
      cache: readCaches(`${members[0]?.path}/cache`),
      cores,
      frequency: Math.round(cores.reduce((total, core) => total + core.frequency, 0) / cores.length),
      frequency_minimum: Math.round(readNumber(`${first}/cpuinfo_min_freq`) / 1000),
      frequency_turbo: Math.round(readNumber(`${first}/cpuinfo_max_freq`) / 1000),
    };
  });
  return { architecture: Deno.build.arch, sockets, total: processors.length };
}

function readProcessor(path: string, id: number): Processor {
  const node = readNames(path).find((name) => /^node\d+$/.test(name));
  return {
    id,
    path,
    socket: Math.max(0, readNumber(`${path}/topology/physical_package_id`)),
    die: Math.max(0, readNumber(`${path}/topology/die_id`)),
    core: Math.max(0, readNumber(`${path}/topology/core_id`, id)),
    numa: node === undefined ? 0 : Number(node.slice(4)),
  };
}

const cpuList = (path: string) => new Set(parseCpuSet(readValue(path) || "none") ?? []);

/** The paragraphs of /proc/cpuinfo by processor. */
function aboutProcessors(path: string): Map<number, Record<string, string>> {
  const paragraphs = readValue(path).split(/\n\s*\n/).map((text) =>
    Object.fromEntries(
      text.split("\n").map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
    ) as Record<string, string>
  );
  return new Map(paragraphs.map((words) => [Number(words["processor"] ?? -1), words]));
}

function frequencyOf(path: string, said: Record<string, string> | undefined): number {
  const kilohertz = readNumber(`${path}/cpufreq/scaling_cur_freq`);
  return Math.round(kilohertz > 0 ? kilohertz / 1000 : Number(said?.["cpu MHz"] ?? 0));
}

function readCaches(path: string): CpuCache[] {
  return readNames(path).filter((name) => name.startsWith("index")).map((name) => ({
    level: readNumber(`${path}/${name}/level`),
    type: readValue(`${path}/${name}/type`),
    size: parseInt(readValue(`${path}/${name}/size`) || "0") * 1024,
  }));
}

function groups<T, K>(items: readonly T[], keyOf: (item: T) => K): [K, T[]][] {
  return [...Map.groupBy(items, keyOf)];
}
