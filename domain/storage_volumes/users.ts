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

/** An instance or a profile with devices of its own. */
interface Owner {
  ref: Ref;
  key: readonly string[];
  value: { devices: Devices };
  revision: number;
}

const ownerKinds = ["instances", "profiles"] as const;

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

async function owners(context: Context): Promise<Owner[]> {
  const entries = await Promise.all(
    ownerKinds.map((kind) => context.store.list<{ devices?: Devices }>([kind])),
  );
  return entries.flat().flatMap(({ key, value, revision }) => {
    const [, project = "", name = ""] = key;
    const { devices } = value;
    if (key.length !== 3 || devices === undefined) return [];
    return [{ ref: { project, name }, key, value: { ...value, devices }, revision }];
  });
}

async function ownersOf(context: Context, volume: VolumeRef): Promise<Owner[]> {
  const projects = await projectsSharing(context, volume.project, "storage.volumes");
  return (await owners(context)).filter(({ ref, value }) =>
    projects.has(ref.project) && names(value.devices, volume)
  );
}

function ownerAddress({ key: [kind], ref: { name, project } }: Owner): string {
  return inProject(`/1.0/${kind}/${encodeURIComponent(name)}`, project);
}

/** Addresses of instances and profiles that use a volume by a device of their own. */
export async function volumeUsers(context: Context, volume: VolumeRef): Promise<string[]> {
  return (await ownersOf(context, volume)).map(ownerAddress).sort();
}

/** What {@link volumeUsers} gives, for every volume of some projects: one look at instances and profiles serves all. */
export async function usersByVolume(
  context: Context,
  projects: ReadonlySet<string>,
): Promise<(volume: VolumeRef) => string[]> {
  const sharing = new Map<string, ReadonlySet<string>>();
  for (const project of projects) {
    sharing.set(project, await projectsSharing(context, project, "storage.volumes"));
  }
  const rank = (project: string, { pool, name }: Omit<VolumeRef, "project">) =>
    [project, pool, name].join("\0");
  const addresses = new Map<string, Set<string>>();
  for (const owner of await owners(context)) {
    for (const device of Object.values(owner.value.devices)) {
      const named = volumeNamed(device);
      if (named === undefined) continue;
      const place = rank(owner.ref.project, named);
      addresses.set(place, (addresses.get(place) ?? new Set()).add(ownerAddress(owner)));
    }
  }
  return (volume) =>
    [...sharing.get(volume.project) ?? []]
      .flatMap((project) => [...addresses.get(rank(project, volume)) ?? []]).sort();
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
  const found = await ownersOf(context, from);
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
