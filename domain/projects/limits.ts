// Limits of projects: how much there may be, and how much there is.

import { findRootDisk } from "../../config/device_keys.ts";
import { limitsCpu, limitsMemory, limitsProcesses } from "../../config/instance_keys.ts";
import { parseSize } from "../../config/size.ts";
import * as keys from "../../config/project_keys.ts";
import { type Key, readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Config, InstanceType } from "../../wire/instance.ts";
import type { ProjectState, ProjectStateResource } from "../../wire/project.ts";
import type { Context, Ref } from "../context.ts";

interface Instance {
  type: InstanceType;
}

/**
 * Whether one more instance fits into a project that the caller holds.
 *
 * @throws {DreyError} `FORBIDDEN` if not
 */
export async function mustHaveRoom(
  context: Context,
  { project }: Ref,
  { config, type }: { config: Config; type: InstanceType },
): Promise<void> {
  const instances = await instancesOf(context, project);
  for (const { limit, key, counts } of Object.values(countLimits(config))) {
    if (limit === undefined || !counts(type)) continue;
    const present = instances.filter((instance) => counts(instance.type)).length;
    if (present < limit) continue;
    throw new DreyError("FORBIDDEN", {
      message: `Reached maximum number of instances in project "${project}": ${key} is ${limit}`,
    });
  }
}

/**
 * Whether what is in a project keeps new limits.
 *
 * @throws {DreyError} `BAD_REQUEST` if not
 */
export async function mustFit(context: Context, project: string, config: Config): Promise<void> {
  const instances = await instancesOf(context, project);
  for (const { limit, key, counts } of Object.values(countLimits(config))) {
    const present = instances.filter(({ type }) => counts(type)).length;
    if (limit === undefined || present <= limit) continue;
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot set ${key} to ${limit} in project "${project}": there are ${present} already`,
    });
  }
}

/** What a project may use and does use, in LXD's names. */
export async function projectUsage(
  context: Context,
  project: string,
  config: Config,
): Promise<ProjectState> {
  const instances = await instancesOf(context, project);
  const counted = Object.entries(countLimits(config)).map((
    [name, { limit, counts }],
  ): [string, ProjectStateResource] => [
    name,
    { Limit: limit ?? -1, Usage: instances.filter(({ type }) => counts(type)).length },
  ]);
  const networks = (await context.store.list(["networks", project])).filter(({ key }) => key.length === 3);
  return {
    resources: {
      ...Object.fromEntries(counted),
      ...await allowances(context, project),
      networks: { Limit: -1, Usage: networks.length },
    },
  };
}

/** What the instances of a project may use together, as far as they say; so far nothing limits the sum. */
async function allowances(context: Context, project: string): Promise<Record<string, ProjectStateResource>> {
  const { listInstances } = await import("../instances/list.ts");
  const sum = { cpu: 0, disk: 0, memory: 0, processes: 0 };
  for (const { expanded_config, expanded_devices } of await listInstances(context, project)) {
    const cpus = readKey(expanded_config, limitsCpu);
    const memory = readKey(expanded_config, limitsMemory);
    sum.cpu += cpus?.kind === "count" ? cpus.count : cpus?.cpus.length ?? 0;
    sum.memory += memory?.kind === "bytes" ? memory.bytes : 0;
    sum.processes += readKey(expanded_config, limitsProcesses) ?? 0;
    sum.disk += parseSize(findRootDisk(expanded_devices)?.device["size"] ?? "") ?? 0;
  }
  return Object.fromEntries(Object.entries(sum).map(([name, Usage]) => [name, { Limit: -1, Usage }]));
}

function countLimits(config: Config) {
  const count = (key: Key<number>, counts: (type: InstanceType) => boolean) => ({
    key: key.name,
    limit: readKey(config, key),
    counts,
  });
  return {
    "containers": count(keys.limitsContainers, (type) => type === "container"),
    "instances": count(keys.limitsInstances, () => true),
    "virtual-machines": count(keys.limitsVirtualMachines, (type) => type === "virtual-machine"),
  };
}

async function instancesOf(context: Context, project: string): Promise<Instance[]> {
  const entries = await context.store.list<Instance>(["instances", project]);
  return entries.filter(({ key }) => key.length === 3).map(({ value }) => value);
}
