// Limits of projects: how much there may be, and how much there is.

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
  return { resources: Object.fromEntries(counted) };
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
