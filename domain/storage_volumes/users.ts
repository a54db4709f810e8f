// Who uses a custom volume: instances and profiles with a disk device that names it.

import { DreyError } from "../../errors.ts";
import { namesIn } from "../../sys/present.ts";
import { inProject } from "../../wire/address.ts";
import type { Device, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { runningDevices } from "../devices.ts";
import { instanceAddress, instanceKey, instancePaths, refOf, runDirectories } from "../instances/record.ts";
import { currentState } from "../instances/status.ts";
import { projectsSharing } from "../projects/effective.ts";
import { lifecycleWrite } from "../events.ts";
import type { Write } from "../../store/store.ts";
import type { VolumeRef } from "./record.ts";

/** Something with devices. */
interface Owner {
  ref: Ref;
  key: readonly string[];
  value: { devices: Devices };
  revision: number;
}

/** The volume a device names: `VOLUME`, or `custom/VOLUME` as newer clients say. */
export function volumeNamed(
  { type, pool, source, path }: Device,
): { pool: string; name: string } | undefined {
  if (type !== "disk" || !pool || !source || path === "/") return undefined;
  return { pool, name: source.replace(/^custom\//, "") };
}

const names = (devices: Devices, { pool, name }: VolumeRef): boolean =>
  Object.values(devices).some((device) => {
    const named = volumeNamed(device);
    return named?.pool === pool && named.name === name;
  });

async function owners(
  context: Context,
  volume: VolumeRef,
  prefix: "instances" | "profiles",
): Promise<Owner[]> {
  const projects = await projectsSharing(context, volume.project, "storage.volumes");
  const entries = await context.store.list<{ devices?: Devices }>([prefix]);
  return entries.flatMap(({ key, value, revision }) => {
    const [, project = "", name = ""] = key;
    const { devices } = value;
    if (key.length !== 3 || devices === undefined || !projects.has(project)) return [];
    return names(devices, volume)
      ? [{ ref: { project, name }, key, value: { ...value, devices }, revision }]
      : [];
  });
}

/** Addresses of instances and profiles that use a volume by a device of their own. */
export async function volumeUsers(context: Context, volume: VolumeRef): Promise<string[]> {
  const instances = await owners(context, volume, "instances");
  const profiles = await owners(context, volume, "profiles");
  return [
    ...instances.map(({ ref }) => inProject(instanceAddress(encodeURIComponent(ref.name)), ref.project)),
    ...profiles.map(({ ref }) => inProject(`/1.0/profiles/${encodeURIComponent(ref.name)}`, ref.project)),
  ].sort();
}

/** Instances that run with a volume, whatever their settings say by now. */
export async function runningUsers(context: Context, volume: VolumeRef): Promise<Ref[]> {
  const projects = await projectsSharing(context, volume.project, "storage.volumes");
  return namesIn(runDirectories(context)).map(refOf).filter((ref) => {
    if (!projects.has(ref.project) || currentState(context, ref).status === "Stopped") return false;
    return names(runningDevices(instancePaths(context, ref).run), volume);
  });
}

/** @throws {DreyError} `BAD_REQUEST` while an instance runs with the volume */
export async function mustRest(context: Context, volume: VolumeRef, what: string): Promise<void> {
  const running = await runningUsers(context, volume);
  if (running.length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot ${what} storage volume "${volume.name}": it is used by running instances`,
    hint: `Stop or detach: ${running.map(({ name }) => name).join(", ")}`,
  });
}

/** Writes that make the users of a volume name it by where it goes, with the revisions they rest on. */
export async function usersFollow(
  context: Context,
  from: VolumeRef,
  to: VolumeRef,
): Promise<{ checks: { key: readonly string[]; revision: number }[]; writes: Write[] }> {
  const found = [...await owners(context, from, "instances"), ...await owners(context, from, "profiles")];
  const renamed = (devices: Devices): Devices =>
    Object.fromEntries(
      Object.entries(devices).map(([name, device]) => {
        const named = volumeNamed(device);
        const isIt = named?.pool === from.pool && named.name === from.name;
        return [name, isIt ? { ...device, pool: to.pool, source: to.name } : device];
      }),
    );
  return {
    checks: found.map(({ key, revision }) => ({ key, revision })),
    writes: found.flatMap(({ key, ref, value }): Write[] => {
      const isInstance = key.join("/") === instanceKey(ref).join("/");
      const source = isInstance ? instanceAddress(ref.name) : `/1.0/profiles/${encodeURIComponent(ref.name)}`;
      const action = isInstance ? "instance-updated" : "profile-updated";
      return [
        { key, value: { ...value, devices: renamed(value.devices) } },
        lifecycleWrite(context, { project: ref.project, action, source }),
      ];
    }),
  };
}
