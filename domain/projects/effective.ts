// In which project a thing is looked up: in the one that was asked for, or, where that one lacks the feature, in the
// default one. Part of every request, so it is small.

import { DreyError } from "../../errors.ts";
import type { Entry, Key } from "../../store/store.ts";
import { truthOf } from "../../config/truth.ts";
import type { Config } from "../../wire/instance.ts";
import type { ProjectFeature } from "../../wire/project.ts";
import type { Context } from "../context.ts";

export const defaultProject = "default";

/** A project as the store keeps it; the default one has an entry only once somebody has changed it. */
export interface ProjectRecord {
  description: string;
  config: Config;
}

export const projectKey = (name: string): Key => ["projects", name];

/**
 * The project in which things of a kind are to be looked up on behalf of a project.
 *
 * @throws {DreyError} `NOT_FOUND` if there is no such project
 */
export async function effectiveProject(
  context: Context,
  project: string,
  feature: ProjectFeature,
): Promise<string> {
  // the default project has everything: no look into the store
  if (project === defaultProject) return defaultProject;
  const { value } = await loadProject(context, project);
  return hasFeature(value, feature) ? project : defaultProject;
}

/** All projects whose things of a kind are those of `home`, itself among them. */
export async function projectsSharing(
  context: Context,
  home: string,
  feature: ProjectFeature,
): Promise<ReadonlySet<string>> {
  const sharing = new Set([home]);
  if (home !== defaultProject) return sharing;
  for (const { key, value } of await context.store.list<ProjectRecord>(["projects"])) {
    const name = key[1] ?? "";
    if (!hasFeature(value, feature)) sharing.add(name);
  }
  return sharing;
}

/** Whether a project other than the default one has things of a kind for itself. */
export function hasFeature({ config }: ProjectRecord, feature: ProjectFeature): boolean {
  return truthOf(config[`features.${feature}`] ?? "") ?? false;
}

/**
 * The record of a project other than the default one.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function loadProject(context: Context, name: string): Promise<Entry<ProjectRecord>> {
  const entry = name === "" ? undefined : await context.store.get<ProjectRecord>(projectKey(name));
  if (entry === undefined) throw new DreyError("NOT_FOUND", { message: `Project "${name}" not found` });
  return entry;
}

/**
 * Makes sure that a project exists.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function mustExist(context: Context, project: string): Promise<void> {
  if (project !== defaultProject) await loadProject(context, project);
}

/**
 * Held while something is added to a project, so that it cannot be deleted, renamed or filled by others meanwhile. The
 * default one stays, and is only held where it has settings that could be limits.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function holdProject(
  context: Context,
  project: string,
): Promise<AsyncDisposable & { config: Config }> {
  const isDefault = project === defaultProject;
  if (isDefault && await context.store.get(projectKey(project)) === undefined) {
    return { config: {}, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const lock = await context.store.lock(["project", project]);
  try {
    const { value: { config } } = await loadProject(context, project);
    return { config, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}
