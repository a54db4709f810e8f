// The samples of one running instance.

import { statfs } from "node:fs/promises";
import { limitsCpu, limitsMemory } from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { instanceCgroup } from "../../runtime/cgroups.ts";
import * as usage from "../../runtime/usage.ts";
import { closeFd, O_PATH, openBelow } from "../../sys/descriptors.ts";
import type { Instance } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import type { HostSize } from "../instances/limits.ts";
import { readNetworkState } from "../instances/network_state.ts";
import { directoryName, instancePaths } from "../instances/record.ts";
import { readRunRecord } from "../instances/run_record.ts";
import type { FamilyName, Sample } from "./families.ts";

export interface RunningInstance {
  instance: Instance;
  /** init, as the host sees it */
  pid: number;
  /** all processes, as the host sees them */
  pids: readonly number[];
}

type Add = (family: FamilyName, value: number | undefined, labels?: Record<string, string>) => void;

/** What an instance uses and has used. */
export async function instanceSamples(
  context: Context,
  running: RunningInstance,
  host: HostSize,
): Promise<Sample[]> {
  const { instance, pid, pids } = running;
  const { name, project, type } = instance;
  const samples: Sample[] = [];
  const add: Add = (family, value, labels = {}) => {
    if (value !== undefined) samples.push({ family, labels: { ...labels, name, project, type }, value });
  };
  const home = readRunRecord(instancePaths(context, { project, name }).run)?.cgroupHome;
  const cgroup = home === undefined ? undefined : instanceCgroup(home, directoryName({ project, name })).path;
  processors(add, running, { cgroup, host });
  memory(add, running, { cgroup, host });
  if (cgroup !== undefined) disks(add, cgroup);
  await fileSystems(add, pid);
  network(add, pid);
  add("lxd_procs_total", pids.length);
  return samples;
}

interface Sources {
  cgroup: string | undefined;
  host: HostSize;
}

function processors(add: Add, { instance, pids }: RunningInstance, { cgroup, host }: Sources): void {
  const limit = readKey(instance.expanded_config, limitsCpu);
  const count = limit?.kind === "count"
    ? limit.count
    : limit?.kind === "set"
    ? limit.cpus.length
    : host.cpus.length;
  add("lxd_cpu_effective_total", Math.min(count, host.cpus.length));
  const counted = cgroup === undefined ? undefined : usage.readCpuTime(cgroup);
  const { user, system } = counted ?? usage.sumProcesses(pids).cpu;
  add("lxd_cpu_seconds_total", system, { cpu: "0", mode: "system" });
  add("lxd_cpu_seconds_total", user, { cpu: "0", mode: "user" });
}

function memory(add: Add, { instance, pids }: RunningInstance, { cgroup, host }: Sources): void {
  const counted = cgroup === undefined ? undefined : usage.readMemoryParts(cgroup);
  const parts = counted ?? usage.sumProcesses(pids).memory;
  for (const [part, bytes] of Object.entries(parts)) {
    add(`lxd_memory_${part}_bytes` as FamilyName, bytes);
  }
  const limit = readKey(instance.expanded_config, limitsMemory);
  const total = limit === undefined
    ? host.memory
    : limit.kind === "bytes"
    ? limit.bytes
    : Math.floor(host.memory * limit.percent / 100);
  const used = (parts["RSS"] ?? 0) + (parts["Cached"] ?? parts["Shmem"] ?? 0);
  add("lxd_memory_MemTotal_bytes", total);
  add("lxd_memory_MemFree_bytes", Math.max(0, total - used));
  add("lxd_memory_MemAvailable_bytes", Math.max(0, total - used + (parts["Inactive_file"] ?? 0)));
  if (cgroup !== undefined) add("lxd_memory_OOM_kills_total", usage.readOomKills(cgroup));
}

function disks(add: Add, cgroup: string): void {
  for (const { device, readBytes, reads, writtenBytes, writes } of usage.readDiskCounters(cgroup)) {
    add("lxd_disk_read_bytes_total", readBytes, { device });
    add("lxd_disk_reads_completed_total", reads, { device });
    add("lxd_disk_written_bytes_total", writtenBytes, { device });
    add("lxd_disk_writes_completed_total", writes, { device });
  }
}

async function fileSystems(add: Add, pid: number): Promise<void> {
  for (const { device, fstype, path } of usage.readMountPoints(pid)) {
    const space = await spaceAt(`/proc/${pid}/root`, path);
    if (space === undefined) continue;
    const labels = { device, fstype, mountpoint: path };
    add("lxd_filesystem_avail_bytes", space.avail, labels);
    add("lxd_filesystem_free_bytes", space.free, labels);
    add("lxd_filesystem_size_bytes", space.size, labels);
  }
}

/**
 * Nothing where it cannot be asked: the instance may have ended, and what it mounts for itself may be closed to us. By now
 * it may have links at the path, which lead nowhere on the host.
 */
async function spaceAt(
  root: string,
  path: string,
): Promise<{ avail: number; free: number; size: number } | undefined> {
  let fd: number | undefined;
  try {
    fd = openBelow(root, path, O_PATH);
    const { bsize, blocks, bfree, bavail } = await statfs(`/proc/self/fd/${fd}`);
    return { avail: bavail * bsize, free: bfree * bsize, size: blocks * bsize };
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeFd(fd);
  }
}

function network(add: Add, pid: number): void {
  for (const [device, { counters }] of Object.entries(readNetworkState(pid) ?? {})) {
    add("lxd_network_receive_bytes_total", counters.bytes_received, { device });
    add("lxd_network_receive_drop_total", counters.packets_dropped_inbound, { device });
    add("lxd_network_receive_errs_total", counters.errors_received, { device });
    add("lxd_network_receive_packets_total", counters.packets_received, { device });
    add("lxd_network_transmit_bytes_total", counters.bytes_sent, { device });
    add("lxd_network_transmit_drop_total", counters.packets_dropped_outbound, { device });
    add("lxd_network_transmit_errs_total", counters.errors_sent, { device });
    add("lxd_network_transmit_packets_total", counters.packets_sent, { device });
  }
}
