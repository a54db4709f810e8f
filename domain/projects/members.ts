// What is in a project that its rules speak of: instances as they are expanded, volumes and networks; as it is, or as
// it would be after a change that somebody has in mind.

import type { Config, Devices, InstanceType } from "../../wire/instance.ts";
import type { Context } from "../context.ts";

interface Settings {
  config: Config;
  devices: Devices;
}

/** An instance with its profiles' settings below its own, or a profile, whatever it will be used for. */
export interface Member extends Settings {
  name: string;
  type: InstanceType | "profile";
}

export interface Volume {
  pool: string;
  name: string;
  config: Config;
}

export interface Holdings {
  members: Member[];
  volumes: Volume[];
  networks: number;
}

type Instance = Settings & { type: InstanceType; profiles: string[] };

/** What would be different. */
export interface Change {
  instance?: { name: string; record: Instance };
  profile?: { project: string; name: string; settings: Settings };
  volume?: Volume;
  /** networks that come to be there */
  networks?: number;
}

/** The profiles a project has for itself. */
export async function ownProfiles(context: Context, project: string): Promise<Member[]> {
  const found = await context.store.list<Settings>(["profiles", project]);
  return found.map(({ key, value: { config, devices } }) => ({
    name: key[2] ?? "",
    type: "profile",
    config,
    devices,
  }));
}

/** Everything in a project that rules speak of. */
export async function holdings(context: Context, project: string, change: Change = {}): Promise<Holdings> {
  const present = await context.store.list<Instance>(["instances", project]);
  const instances = new Map(
    present.filter(({ key }) => key.length === 3).map(({ key, value }) => [key[2] ?? "", value]),
  );
  if (change.instance !== undefined) instances.set(change.instance.name, change.instance.record);
  const members: Member[] = [];
  for (const [name, record] of instances) {
    members.push({ name, type: record.type, ...await expandedWith(context, project, { record, change }) });
  }
  const volumes = (await context.store.list<{ config: Config }>(["volumes", project]))
    .map(({ key, value }) => ({ pool: key[2] ?? "", name: key[3] ?? "", config: value.config }))
    .filter(({ pool, name }) => pool !== change.volume?.pool || name !== change.volume?.name);
  const networks = (await context.store.list(["networks", project])).filter(({ key }) => key.length === 3);
  return {
    members,
    volumes: change.volume === undefined ? volumes : [...volumes, change.volume],
    networks: networks.length + (change.networks ?? 0),
  };
}

/** The settings of an instance with its profiles', one of which may be about to change. */
export async function expandedWith(
  context: Context,
  project: string,
  { record, change: { profile } }: { record: Omit<Instance, "type">; change: Change },
): Promise<Settings> {
  const { profileFor } = await import("../profile_settings.ts");
  const { mergeSettings } = await import("../instances/expand.ts");
  const { effectiveProject } = await import("./effective.ts");
  const home = profile === undefined ? "" : await effectiveProject(context, project, "profiles");
  const profiles = await Promise.all(
    record.profiles.map((name) =>
      profile !== undefined && profile.project === home && profile.name === name
        ? profile.settings
        : profileFor(context, { project, name })
    ),
  );
  return mergeSettings([...profiles, record]);
}
