// Profiles: named pieces of configuration that instances share. `default` is always there.

import { findRootDisk, validateDevices, withoutEmptyKeys } from "../config/device_keys.ts";
import { mustKnowEmptied, withoutEmpty } from "../config/key.ts";
import { validateProfileConfig } from "../config/instance_keys.ts";
import { validateProfileName } from "../config/names.ts";
import { DreyError } from "../errors.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import { inProject } from "../wire/address.ts";
import type { Profile, ProfilePut, ProfilesPost } from "../wire/profile.ts";
import { retryCommit } from "./changed.ts";
import type { Context, Ref } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import {
  findProfile,
  getProfile,
  profileKey,
  type ProfileSettings,
  untouchedDefault,
} from "./profile_settings.ts";
import { defaultProject, holdProject, projectsSharing } from "./projects/effective.ts";

/** Records of instances, as far as profiles are concerned. */
type User = { profiles?: string[] };

/** All profiles of a project, or of all projects, by name. */
export async function listProfiles(context: Context, project?: string): Promise<Profile[]> {
  const entries = await context.store.list<ProfileSettings>(
    project === undefined ? ["profiles"] : ["profiles", project],
  );
  const found = entries.map(({ key, value }) => ({
    ref: { project: key[1] ?? "", name: key[2] ?? "" },
    value,
  }));
  const home = project ?? defaultProject;
  const isImplied = home === defaultProject;
  if (isImplied && !found.some(({ ref }) => ref.name === "default" && ref.project === home)) {
    found.unshift({ ref: { project: home, name: "default" }, value: untouchedDefault });
  }
  const users = await context.store.list<User>(["instances"]);
  const sharing = await projectsSharing(context, defaultProject, "profiles");
  const usersOf = ({ project, name }: Ref) =>
    users.filter((user) => uses(user, name, project === defaultProject ? sharing : new Set([project])));
  return found.map(({ ref, value }) => ({ ...shape(ref, value), used_by: usersOf(ref).map(address) }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * One profile, with those who use it.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function describeProfile(context: Context, ref: Ref): Promise<Profile> {
  const settings = await getProfile(context, ref);
  return { ...shape(ref, settings), used_by: (await usersOf(context, ref)).map(address) };
}

/** @throws {DreyError} `BAD_REQUEST` for a name or key that is not allowed, `ALREADY_EXISTS` */
export async function createProfile(context: Context, project: string, body: ProfilesPost): Promise<void> {
  validateProfileName(body.name);
  const ref = { project, name: body.name };
  const settings = await checked(context, ref, {
    description: body.description ?? "",
    config: body.config ?? {},
    devices: body.devices ?? {},
  });
  await using held = await holdProject(context, project);
  const { mustAllow } = await import("./projects/allow.ts");
  await mustAllow(context, project, { config: held.config, change: { profile: { ...ref, settings } } });
  const free = ref.name !== "default" && await context.store.commit(
    [{ key: profileKey(ref), revision: 0 }],
    [{ key: profileKey(ref), value: settings }, happened(context, "profile-created", ref)],
  );
  if (!free) throw exists(ref.name);
}

/** Replaces what the profile says; what the body leaves out becomes empty. */
export async function updateProfile(context: Context, ref: Ref, put: ProfilePut): Promise<void> {
  await change(context, ref, () => ({
    description: put.description ?? "",
    config: put.config ?? {},
    devices: put.devices ?? {},
  }));
}

/** Changes the keys and devices the body names; an empty value removes a key. */
export async function patchProfile(context: Context, ref: Ref, put: ProfilePut): Promise<void> {
  await change(context, ref, (old) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
    devices: { ...old.devices, ...put.devices },
  }));
}

/**
 * Renames the profile, in the lists of the instances that use it too.
 *
 * @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, or `FORBIDDEN` for `default`
 */
export async function renameProfile(context: Context, ref: Ref, name: string): Promise<void> {
  if (ref.name === "default") throw defaultStays("renamed");
  validateProfileName(name);
  const renamed = { ...ref, name };
  if (name === "default") throw exists(name);
  await retryCommit(`Profile "${ref.name}"`, async () => {
    const { settings, revision } = await findProfile(context, ref);
    if (await context.store.get(profileKey(renamed)) !== undefined) throw exists(name);
    const users = await usersOf(context, ref);
    const writes: Write[] = users.map(({ key, value }) => ({
      key,
      value: { ...value, profiles: value.profiles?.map((used) => used === ref.name ? name : used) },
    }));
    return await context.store.commit(
      [
        { key: profileKey(ref), revision },
        { key: profileKey(renamed), revision: 0 },
        ...users.map(({ key, revision }) => ({ key, revision })),
      ],
      [
        ...writes,
        { key: profileKey(ref), delete: true },
        { key: profileKey(renamed), value: settings },
        happened(context, "profile-renamed", renamed, { old_name: ref.name }),
      ],
    );
  });
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while in use, `FORBIDDEN` for `default` */
export async function deleteProfile(context: Context, ref: Ref): Promise<void> {
  if (ref.name === "default") throw defaultStays("deleted");
  await retryCommit(`Profile "${ref.name}"`, async () => {
    const { revision } = await findProfile(context, ref);
    const users = await usersOf(context, ref);
    if (users.length > 0) {
      throw new DreyError("BAD_REQUEST", {
        message: `Cannot delete profile "${ref.name}": Profile is currently in use`,
        hint: `Remove it from: ${users.map(({ key }) => key[2]).join(", ")}`,
      });
    }
    return await context.store.commit(
      [{ key: profileKey(ref), revision }],
      [{ key: profileKey(ref), delete: true }, happened(context, "profile-deleted", ref)],
    );
  });
}

async function change(
  context: Context,
  ref: Ref,
  to: (old: ProfileSettings) => ProfileSettings,
): Promise<void> {
  await retryCommit(`Profile "${ref.name}"`, async () => {
    const { settings, revision } = await findProfile(context, ref);
    const next = await checked(context, ref, to(settings));
    const { mustAllowProfile } = await import("./projects/allow.ts");
    await mustAllowProfile(context, { ...ref, settings: next });
    await mustKeepRoots(context, ref, { before: settings, after: next });
    return await context.store.commit(
      [{ key: profileKey(ref), revision }],
      [{ key: profileKey(ref), value: next }, happened(context, "profile-updated", ref)],
    );
  });
  await tellUsers(context, ref);
}

/** The root disk of an instance is where its profile said when it was made. @throws {DreyError} `BAD_REQUEST` */
async function mustKeepRoots(
  context: Context,
  ref: Ref,
  { before, after }: { before: ProfileSettings; after: ProfileSettings },
): Promise<void> {
  const poolOf = ({ devices }: ProfileSettings) => {
    const root = findRootDisk(devices);
    return root === undefined ? undefined : JSON.stringify([root.name, root.device["pool"]]);
  };
  if (poolOf(before) === poolOf(after)) return;
  const { mustKeepRoot } = await import("./instances/profile_root.ts");
  for (const { key: [, project = "", name = ""] } of await usersOf(context, ref)) {
    await mustKeepRoot(context, { project, name }, { ...ref, settings: after });
  }
}

/** Those who run with the profile follow it; one that cannot does not keep the others from it. */
async function tellUsers(context: Context, ref: Ref): Promise<void> {
  const failed: string[] = [];
  const resting: Write[] = [];
  for (const { key: [, project = "", name = ""] } of await usersOf(context, ref)) {
    const { followProfiles } = await import("./instances/update.ts");
    try {
      if (await followProfiles(context, { project, name })) continue;
      const source = `/1.0/instances/${encodeURIComponent(name)}`;
      resting.push(lifecycleWrite(context, { project, action: "instance-updated", source }));
    } catch (error) {
      if (!(error instanceof DreyError)) throw error;
      failed.push(`"${name}": ${error.message}`);
    }
  }
  if (resting.length > 0) await context.store.commit([], resting);
  if (failed.length === 0) return;
  throw new DreyError("CONFLICT", {
    message: `The profile was changed, and cannot be followed by ${failed.join("; ")}`,
    hint: "It counts there from the next start",
  });
}

async function checked(
  context: Context,
  ref: Ref,
  { description, ...given }: ProfileSettings,
): Promise<ProfileSettings> {
  mustKnowEmptied(given.config, validateProfileConfig);
  const [config, devices] = [withoutEmpty(given.config), withoutEmptyKeys(given.devices)];
  validateProfileConfig(config);
  validateDevices(devices);
  const { checkSyscalls } = await import("./instances/syscalls.ts");
  await checkSyscalls(config);
  const { checkCloudInit } = await import("./instances/record.ts");
  await checkCloudInit(config);
  const { checkProfileNics } = await import("./networks/profile_nics.ts");
  await checkProfileNics(context, ref, devices);
  return { description, config, devices };
}

function shape({ project, name }: Ref, settings: ProfileSettings): Omit<Profile, "used_by"> {
  return { name, ...settings, project };
}

/** Instances that use a profile: those of its project, and of projects that have no profiles for themselves. */
async function usersOf(context: Context, { project, name }: Ref): Promise<Entry<User>[]> {
  const sharing = await projectsSharing(context, project, "profiles");
  const under = sharing.size > 1 ? ["instances"] : ["instances", project];
  return (await context.store.list<User>(under)).filter((user) => uses(user, name, sharing));
}

function uses({ key, value }: Entry<User>, name: string, projects: ReadonlySet<string>): boolean {
  return key.length === 3 && projects.has(key[1] ?? "") && value.profiles?.includes(name) === true;
}

function address({ key: [, project = "", name = ""] }: { key: Key }): string {
  return inProject(`/1.0/instances/${encodeURIComponent(name)}`, project);
}

function happened(context: Context, action: string, ref: Ref, more?: Record<string, unknown>): Write {
  const source = `/1.0/profiles/${encodeURIComponent(ref.name)}`;
  return lifecycleWrite(context, { project: ref.project, action, source, ...(more && { context: more }) });
}

function exists(name: string): DreyError {
  return new DreyError("ALREADY_EXISTS", { message: `The profile "${name}" already exists` });
}

function defaultStays(verb: string): DreyError {
  return new DreyError("FORBIDDEN", { message: `The "default" profile cannot be ${verb}` });
}
