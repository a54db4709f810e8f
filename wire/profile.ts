// Profiles.

import type { Config, Devices } from "./instance.ts";
import * as s from "./schema.ts";

/** Settings that instances share. */
export interface Profile {
  name: string;
  description: string;
  config: Config;
  devices: Devices;
  /** addresses of the instances that have it */
  used_by: string[];
  project: string;
}

export const profilePut = s.object({
  config: s.optional(s.record(s.string)),
  description: s.optional(s.string),
  devices: s.optional(s.record(s.record(s.string))),
});
/** What can be changed of a profile. */
export type ProfilePut = s.TypeOf<typeof profilePut>;
export const profilesPost = s.object({
  name: s.required(s.string),
  config: s.optional(s.record(s.string)),
  description: s.optional(s.string),
  devices: s.optional(s.record(s.record(s.string))),
});
/** A profile to be made. */
export type ProfilesPost = s.TypeOf<typeof profilesPost>;
export const profilePost = s.object({ name: s.required(s.string) });
