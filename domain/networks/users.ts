// Who uses which network: instances and profiles with a NIC on it.

import { inProject } from "../../wire/address.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { listProfiles } from "../profiles.ts";
import { mergeSettings } from "../instances/expand.ts";
import { projectsSharing } from "../projects/effective.ts";

/** A look-up of the addresses of a network's users. */
export async function networkUsers(context: Context): Promise<(ref: Ref) => string[]> {
  const users = new Map<string, Set<string>>();
  const sharing = await projectsSharing(context, "default", "networks");
  const note = (project: string, devices: Devices, address: string) => {
    const home = sharing.has(project) ? "default" : project;
    for (const device of Object.values(devices)) {
      if (device["type"] !== "nic") continue;
      const name = device["network"] || device["parent"];
      if (!name) continue;
      const key = `${home}/${name}`;
      users.set(key, (users.get(key) ?? new Set()).add(address));
    }
  };
  const profiles = await listProfiles(context);
  for (const { name, project = "default", devices } of profiles) {
    note(project, devices, inProject(`/1.0/profiles/${encodeURIComponent(name)}`, project));
  }
  for (const { key, value } of await context.store.list<InstanceRecord>(["instances"])) {
    if (key.length !== 3) continue;
    const [, project = "", name = ""] = key;
    const layers = value.profiles.map((wanted) =>
      profiles.find((profile) => profile.name === wanted && (profile.project ?? "default") === project) ??
        profiles.find((profile) => profile.name === wanted)
    ).filter((profile) => profile !== undefined);
    const { devices } = mergeSettings([...layers, value]);
    note(project, devices, inProject(`/1.0/instances/${encodeURIComponent(name)}`, project));
  }
  return ({ project, name }) => [...users.get(`${project}/${name}`) ?? []].sort();
}
