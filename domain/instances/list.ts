// Instances as the API shows them.

import { DreyError } from "../../errors.ts";
import { type CgroupStats, instanceCgroup, readStats } from "../../runtime/cgroups.ts";
import type { Entry } from "../../store/store.ts";
import type { InstanceBackup } from "../../wire/backup.ts";
import type { Config, Instance, InstanceFull, InstanceState } from "../../wire/instance.ts";
import { type InstanceStatus, statusCodes } from "../../wire/status.ts";
import type { BackupRecord } from "../backups/record.ts";
import type { Context, Ref } from "../context.ts";
import { profileFor } from "../profile_settings.ts";
import { mergeSettings } from "./expand.ts";
import { type KnownInterface, readNetworkState } from "./network_state.ts";
import { nicsOf } from "../networks/nic_files.ts";
import {
  countProcesses,
  noProcesses,
  type Processes,
  processesBelow,
  processesByNamespace,
} from "./processes.ts";
import { directoryName, instancePaths, type InstanceRecord, loadRecord, readyKey } from "./record.ts";
import { readRunRecord } from "./run_record.ts";
import { shownConfig } from "./shown_config.ts";
import { listSnapshots } from "./snapshots/list.ts";
import { currentState, type State } from "./status.ts";

/** All instances, of one project or of every one, ordered by name. */
export async function listInstances(context: Context, project?: string): Promise<Instance[]> {
  const entries = await context.store.list<InstanceRecord>(
    project === undefined ? ["instances"] : ["instances", project],
  );
  const profiles = new Map<string, ReturnType<typeof profileFor>>();
  return await Promise.all(entries.map(async (entry) => {
    const ref = refOfEntry(entry);
    const layers = entry.value.profiles.map((name) => {
      const key = `${ref.project}/${name}`;
      const known = profiles.get(key) ?? profileFor(context, { project: ref.project, name });
      profiles.set(key, known);
      return known;
    });
    return toWire(context, ref, { record: entry.value, layers: await Promise.all(layers) });
  }));
}

/** Which instances there are, and of what type: what a list of addresses takes, and no look at what they do. */
export async function listRefs(
  context: Context,
  project?: string,
): Promise<(Ref & Pick<Instance, "type">)[]> {
  const prefix = project === undefined ? ["instances"] : ["instances", project];
  const entries = await context.store.list<InstanceRecord>(prefix);
  return entries.map((entry) => ({ ...refOfEntry(entry), type: entry.value.type }));
}

const refOfEntry = ({ key }: Entry): Ref => ({ project: key[1] ?? "", name: key[2] ?? "" });

/**
 * One instance.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function getInstance(context: Context, ref: Ref): Promise<Instance> {
  const { value: record } = await loadRecord(context, ref);
  const layers = await Promise.all(
    record.profiles.map((name) => profileFor(context, { project: ref.project, name })),
  );
  return toWire(context, ref, { record, layers });
}

type Layers = Parameters<typeof mergeSettings>[0];

function toWire(
  context: Context,
  ref: Ref,
  { record, layers }: { record: InstanceRecord; layers: Layers },
): Instance {
  const config = shownConfig(record);
  const expanded = mergeSettings([...layers, { ...record, config }]);
  const status = shownStatus(currentState(context, ref), record.config);
  return {
    name: ref.name,
    description: record.description,
    type: record.type,
    architecture: record.architecture,
    status,
    status_code: statusCodes[status],
    created_at: record.created_at,
    last_used_at: record.last_used_at,
    ephemeral: record.ephemeral,
    stateful: record.stateful,
    profiles: record.profiles,
    config,
    devices: record.devices,
    expanded_config: expanded.config,
    expanded_devices: expanded.devices,
    location: "none",
    project: ref.project,
  };
}

/** Instances with their state, snapshots and backups, null for none; one that goes meanwhile is left out. */
export async function inFull(context: Context, instances: readonly Instance[]): Promise<InstanceFull[]> {
  // one look for all of them: most have neither
  const entries = await context.store.list(["instance_snapshots"]);
  const owners = new Set(entries.map((entry) => directoryName(refOfEntry(entry))));
  const kept = await backupsByInstance(context);
  const processes = onceNeeded(processesByNamespace);
  const full = await Promise.all(instances.map(async (instance) => {
    const state = await readState(context, instance, { ...instance, processes });
    const backups = kept.get(directoryName(instance)) ?? null;
    if (!owners.has(directoryName(instance))) return { ...instance, state, backups, snapshots: null };
    const snapshots = await listSnapshots(context, instance).catch(goneMeanwhile);
    return snapshots && { ...instance, state, backups, snapshots };
  }));
  return full.filter((instance) => instance !== undefined);
}

/** Backups there are, the oldest first, by directory names of their instances. */
async function backupsByInstance(context: Context): Promise<Map<string, InstanceBackup[]>> {
  const entries = await context.store.list<BackupRecord>(["instance_backups"]);
  const found = new Map<string, InstanceBackup[]>();
  if (entries.length === 0) return found;
  const { instanceShape } = await import("../backups.ts");
  const sorted = entries.toSorted((a, b) => a.value.created_at < b.value.created_at ? -1 : 1);
  for (const { key: [, project = "", instance = "", name = ""], value } of sorted) {
    const owner = directoryName({ project, name: instance });
    found.set(owner, [...found.get(owner) ?? [], instanceShape(name, value)]);
  }
  return found;
}

/** An instance that was deleted between the list and the look at it is not on the list. */
function goneMeanwhile(error: unknown): undefined {
  if (!(error instanceof DreyError) || error.code !== "NOT_FOUND") throw error;
}

function onceNeeded<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

/** What an instance uses right now. */
export async function instanceState(context: Context, ref: Ref): Promise<InstanceState> {
  const { value: { config, type } } = await loadRecord(context, ref);
  return await readState(context, ref, { config, type, processes: processesByNamespace });
}

/** An instance that runs may have called itself ready. */
function shownStatus({ status }: State, config: Config): InstanceStatus {
  return status === "Running" && config[readyKey] === "true" ? "Ready" : status;
}

interface StateQuestion {
  config: Config;
  type: Instance["type"];
  processes: () => Processes;
}

async function readState(
  context: Context,
  ref: Ref,
  { config, type, processes }: StateQuestion,
): Promise<InstanceState> {
  const state = currentState(context, ref);
  if (!("pid" in state)) return stopped(state.status);
  const known = knownInterfaces(context, ref);
  if (type === "virtual-machine") {
    const { machineState } = await import("./machine_state.ts");
    return await machineState(context, ref, { state, shown: shownStatus(state, config), known });
  }
  const home = readRunRecord(instancePaths(context, ref).run)?.cgroupHome;
  const group = home === undefined ? undefined : instanceCgroup(home, directoryName(ref));
  const stats = group && readStats(group);
  const pids = () => group === undefined ? processes().of(state.pid) : processesBelow(group.path);
  const counted = isCounted(stats) ? noProcesses : countProcesses(pids());
  const status = shownStatus(state, config);
  return {
    status,
    status_code: statusCodes[status],
    disk: {},
    memory: {
      usage: stats?.memory ?? counted.memory,
      usage_peak: stats?.memoryPeak ?? 0,
      total: Deno.systemMemoryInfo().total,
      swap_usage: stats?.swap ?? 0,
      swap_usage_peak: 0,
    },
    network: readNetworkState(state.pid, known),
    pid: state.pid,
    processes: stats?.processes ?? counted.processes,
    cpu: { usage: stats?.cpu ?? counted.cpu },
  };
}

/** Whether the cgroup has told all that processes would be counted for. */
const isCounted = (stats: CgroupStats | undefined) =>
  stats?.memory !== undefined && stats.processes !== undefined && stats.cpu !== undefined;

function knownInterfaces(context: Context, ref: Ref): KnownInterface[] {
  const own = nicsOf(context, ref);
  return own.map(({ veth: { name, hwaddr, hostName, mtu } }) => ({ name, hwaddr, hostName, mtu }));
}

function stopped(status: InstanceStatus): InstanceState {
  return {
    status,
    status_code: statusCodes[status],
    disk: {},
    memory: { usage: 0, usage_peak: 0, total: 0, swap_usage: 0, swap_usage_peak: 0 },
    network: null,
    pid: 0,
    processes: 0,
    cpu: { usage: 0 },
  };
}
