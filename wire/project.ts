// Projects: what a client sends and sees.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

/** Kinds of things a project may have for itself; without the feature, they are those of the default project. */
export type ProjectFeature =
  | "images"
  | "profiles"
  | "storage.volumes"
  | "storage.buckets"
  | "networks"
  | "networks.zones";

/** A project: a name for instances, and for what it has for itself. */
export interface Project {
  name: string;
  description: string;
  config: Config;
  /** addresses of what is in the project */
  used_by: string[];
}

/** What a project uses of what it may. */
export interface ProjectState {
  /** by LXD's names for them: `instances`, `memory` */
  resources: Record<string, ProjectStateResource>;
}

/** LXD spells these two with a capital. */
export interface ProjectStateResource {
  /** -1 without a limit */
  Limit: number;
  Usage: number;
}

export const projectPut = s.object({
  config: s.optional(s.record(s.string)),
  description: s.optional(s.string),
});
/** What can be changed of a project. */
export type ProjectPut = s.TypeOf<typeof projectPut>;

export const projectsPost = s.object({
  name: s.required(s.string),
  config: s.optional(s.record(s.string)),
  description: s.optional(s.string),
  storage: s.optional(s.string, "pool of the root disk its default profile gets"),
  network: s.optional(s.string, "network of the interface its default profile gets"),
});
/** A project to be made. */
export type ProjectsPost = s.TypeOf<typeof projectsPost>;
export const projectPost = s.object({ name: s.required(s.string) });
