// What profiles say, for those who run with them. What is made of them, and who uses them, is in profiles.ts.

import { DreyError } from "../errors.ts";
import type { Key } from "../store/store.ts";
import type { Profile } from "../wire/profile.ts";
import type { Context, Ref } from "./context.ts";
import { defaultProject, effectiveProject } from "./projects/effective.ts";

/** What a profile says; what it is called is its key. */
export type ProfileSettings = Pick<Profile, "description" | "config" | "devices">;

/** The profile `default` until somebody changes it. */
export const untouchedDefault: ProfileSettings = {
  description: "Default drey profile",
  config: {},
  devices: {
    eth0: { name: "eth0", network: "dreybr0", type: "nic" },
    root: { path: "/", pool: "default", type: "disk" },
  },
};

/**
 * What a profile says that an instance of this project names, wherever the profiles of the project are.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function profileFor(context: Context, { project, name }: Ref): Promise<ProfileSettings> {
  const home = await effectiveProject(context, project, "profiles");
  return await getProfile(context, { project: home, name });
}

/**
 * What one profile says, without a look at who uses it.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function getProfile(context: Context, ref: Ref): Promise<ProfileSettings> {
  return (await findProfile(context, ref)).settings;
}

/**
 * The same with the revision that a change must find.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function findProfile(
  context: Context,
  ref: Ref,
): Promise<{ settings: ProfileSettings; revision: number }> {
  const entry = await context.store.get<ProfileSettings>(profileKey(ref));
  if (entry !== undefined) return { settings: entry.value, revision: entry.revision };
  if (ref.name === "default" && ref.project === defaultProject) {
    return { settings: untouchedDefault, revision: 0 };
  }
  throw new DreyError("NOT_FOUND", { message: `Profile "${ref.name}" not found` });
}

/** Where the store keeps a profile. */
export const profileKey = (ref: Ref): Key => ["profiles", ref.project, ref.name];
