// Whether a project's limits and restrictions allow what somebody is about to do. Asked before it counts, while the
// project is held, so that two who come at once do not both find the last place.

import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import {
  defaultProject,
  holdProject,
  loadProject,
  projectKey,
  type ProjectRecord,
  projectsSharing,
} from "./effective.ts";
import { mustFit, mustFitImages } from "./limits.ts";
import { type Change, holdings, type Member, ownProfiles } from "./members.ts";
import { mustBeAllowed, mustPermit } from "./restrictions.ts";

/** Whether a project has rules at all. */
export const hasRules = (config: Config): boolean =>
  Object.keys(config).some((key) => key.startsWith("limits.") || key === "restricted");

/**
 * Holds what a project would have in it against its rules. The caller holds the project.
 *
 * @param config of the project
 * @throws {DreyError} `FORBIDDEN`
 */
export async function mustAllow(context: Context, project: string, { config, change }: {
  config: Config;
  change?: Change;
}): Promise<void> {
  if (!hasRules(config)) return;
  const held = await holdings(context, project, change);
  mustFit(project, config, held);
  const concerned = change?.instance === undefined
    ? held.members
    : held.members.filter(({ name }) => name === change.instance?.name);
  for (const member of [...concerned, ...await profilesOf(context, project, change)]) {
    mustBeAllowed(project, config, member);
  }
}

/** Those to be looked at: the one that changes, or all where the project itself does. */
async function profilesOf(context: Context, project: string, change: Change | undefined): Promise<Member[]> {
  if (change === undefined) return await ownProfiles(context, project);
  const { profile } = change;
  // whoever shares it with the default project answers for their instances only
  return profile?.project !== project ? [] : [{ name: profile.name, type: "profile", ...profile.settings }];
}

/** The same by somebody who does not hold the project. @throws {DreyError} `FORBIDDEN` */
export async function mustAllowIn(context: Context, project: string, change: Change): Promise<void> {
  await using held = await holdProject(context, project);
  await mustAllow(context, project, { config: held.config, change });
}

/**
 * The same for a change that takes time: it stays allowed until what is answered is disposed. A project without rules is
 * held up by nobody.
 *
 * @throws {DreyError} `FORBIDDEN`
 */
export async function holdAllowed(
  context: Context,
  project: string,
  change: Change,
): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const { config } = undo.use(await holdProject(context, project));
  if (!hasRules(config)) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  await mustAllow(context, project, { config, change });
  return undo.move();
}

/**
 * Whether an image of so many bytes may come to a project. The caller holds the project.
 *
 * @throws {DreyError} `FORBIDDEN`
 */
export async function mustAllowImage(
  context: Context,
  project: string,
  { config, size }: { config: Config; size: number },
): Promise<void> {
  const present = await context.store.list<{ size: number }>(["images", project]);
  const images = [...present.map(({ value }) => value.size), size];
  mustFitImages(project, config, { held: await holdings(context, project), images });
}

/** A profile may be that of several projects. @throws {DreyError} `FORBIDDEN` */
export async function mustAllowProfile(
  context: Context,
  profile: NonNullable<Change["profile"]>,
): Promise<void> {
  for (const project of await projectsSharing(context, profile.project, "profiles")) {
    await mustAllowIn(context, project, { profile });
  }
}

/** @throws {DreyError} `FORBIDDEN` if a restricted project is to have none */
export async function mustAllowSaving(
  context: Context,
  project: string,
  what: "snapshots" | "backups",
): Promise<void> {
  const entry = project === defaultProject
    ? await context.store.get<ProjectRecord>(projectKey(project))
    : await loadProject(context, project);
  if (entry !== undefined) mustPermit(project, entry.value.config, what);
}
