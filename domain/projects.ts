// Projects: instances apart from one another, each group with images, profiles, volumes and networks of its own as far
// as its features say. `default` is always there and has all of it.

import { mustKnowEmptied, withoutEmpty } from "../config/key.ts";
import { featureKeys, initialFeatures, validateProjectConfig } from "../config/project_keys.ts";
import { validateProjectName } from "../config/names.ts";
import { DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Write } from "../store/store.ts";
import type { Config, Devices } from "../wire/instance.ts";
import type { Operation } from "../wire/operation.ts";
import type { Project, ProjectPut, ProjectsPost, ProjectState } from "../wire/project.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { startOperation } from "./operations.ts";
import { projectContents } from "./projects/contents.ts";
import { defaultProject, hasFeature, projectKey, type ProjectRecord } from "./projects/effective.ts";
import { mustAllow } from "./projects/allow.ts";
import { projectUsage } from "./projects/limits.ts";

/** The default project until somebody changes it: it has every feature that exists. */
const untouchedDefault: ProjectRecord = {
  description: "Default drey project",
  config: Object.fromEntries(featureKeys.map(({ name }) => [name, "true"])),
};

/** All projects, by name. */
export async function listProjects(context: Context): Promise<Project[]> {
  const entries = await context.store.list<ProjectRecord>(["projects"]);
  const records = new Map(entries.map(({ key, value }) => [key[1] ?? "", value]));
  if (!records.has(defaultProject)) records.set(defaultProject, untouchedDefault);
  const contents = await projectContents(context);
  return [...records].sort(([a], [b]) => a < b ? -1 : 1).map(([name, record]) => ({
    name,
    ...record,
    used_by: usedBy(name, contents.get(name)),
  }));
}

/**
 * One project, with what is in it.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function getProject(context: Context, name: string): Promise<Project> {
  const { record } = await find(context, name);
  const contents = await projectContents(context, name);
  return { name, ...record, used_by: usedBy(name, contents.get(name)) };
}

/** @throws {DreyError} `NOT_FOUND` */
export async function projectState(context: Context, name: string): Promise<ProjectState> {
  return await projectUsage(context, name, (await find(context, name)).record.config);
}

/** @throws {DreyError} `BAD_REQUEST` for a name or key that is not allowed, `ALREADY_EXISTS` */
export async function createProject(context: Context, body: ProjectsPost): Promise<void> {
  const { name } = body;
  validateProjectName(name);
  const given = body.config ?? {};
  validateProjectConfig(given);
  const config = withoutEmpty({ ...initialFeatures, ...given });
  const record: ProjectRecord = { description: body.description ?? "", config };
  const isNew = name !== defaultProject && await context.store.commit(
    [{ key: projectKey(name), revision: 0 }],
    [
      { key: projectKey(name), value: record },
      ...hasFeature(record, "profiles") ? [defaultProfile(name, devicesOf(body))] : [],
      happened(context, "project-created", name),
    ],
  );
  if (!isNew) throw exists(name);
}

/** Replaces what is said of the project; what the body leaves out becomes empty. */
export async function updateProject(context: Context, name: string, put: ProjectPut): Promise<void> {
  await change(context, name, () => ({ description: put.description ?? "", config: put.config ?? {} }));
}

/** Changes what the body names; an empty value removes a key. */
export async function patchProject(context: Context, name: string, put: ProjectPut): Promise<void> {
  await change(context, name, (old) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
  }));
}

/**
 * Renames an empty project, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN` for the default one, `BAD_REQUEST` for a name that is not allowed
 */
export async function renameProject(context: Context, name: string, to: string): Promise<Operation> {
  if (name === defaultProject) throw defaultStays("renamed");
  await find(context, name);
  validateProjectName(to);
  return await startOperation(context, {
    project: name,
    description: "Renaming project",
    run: () => rename(context, name, to),
  });
}

async function rename(context: Context, name: string, to: string): Promise<void> {
  if (to === defaultProject) throw exists(to);
  await using _lock = await context.store.lock(["project", name]);
  const { record, revision } = await find(context, name);
  await mustBeEmpty(context, name, "renamed");
  const done = await context.store.commit(
    [{ key: projectKey(name), revision }, { key: projectKey(to), revision: 0 }],
    [
      { key: projectKey(name), delete: true },
      { key: projectKey(to), value: record },
      ...await movedProfile(context, name, to),
      happened(context, "project-renamed", to, { old_name: name }),
    ],
  );
  if (done) return;
  if (await context.store.get(projectKey(to)) !== undefined) throw exists(to);
  throw projectChanged(name);
}

/** An empty project still has its profile `default`. */
async function movedProfile(context: Context, name: string, to: string): Promise<Write[]> {
  const profile = await context.store.get(profileKey(name));
  if (profile === undefined) return [];
  return [{ key: profileKey(name), delete: true }, { key: profileKey(to), value: profile.value }];
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` unless it is empty, `FORBIDDEN` for the default one */
export async function deleteProject(context: Context, name: string): Promise<void> {
  if (name === defaultProject) throw defaultStays("deleted");
  await using _lock = await context.store.lock(["project", name]);
  const { revision } = await find(context, name);
  await mustBeEmpty(context, name, "removed");
  const done = await context.store.commit([{ key: projectKey(name), revision }], [
    { key: projectKey(name), delete: true },
    { key: profileKey(name), delete: true },
    happened(context, "project-deleted", name),
  ]);
  if (!done) throw projectChanged(name);
}

async function change(
  context: Context,
  name: string,
  to: (old: ProjectRecord) => ProjectRecord,
): Promise<void> {
  await using _lock = await context.store.lock(["project", name]);
  const { record, revision } = await find(context, name);
  const edited = to(record);
  mustKnowEmptied(edited.config, validateProjectConfig);
  const next = { ...edited, config: withoutEmpty(edited.config) };
  validateProjectConfig(next.config);
  await mustKeepFeatures(context, name, { before: record, after: next });
  await mustAllow(context, name, { config: next.config });
  const done = await context.store.commit([{ key: projectKey(name), revision }], [
    { key: projectKey(name), value: next },
    ...await profileOfFeature(context, name, next),
    happened(context, "project-updated", name),
  ]);
  if (!done) throw projectChanged(name);
}

/** Things would be found no more, or others in their place. */
async function mustKeepFeatures(
  context: Context,
  name: string,
  { before, after }: { before: ProjectRecord; after: ProjectRecord },
): Promise<void> {
  const changed = featureKeys.find((key) => isOn(before.config, key.name) !== isOn(after.config, key.name));
  if (changed === undefined) return;
  if (name === defaultProject) {
    throw new DreyError("BAD_REQUEST", { message: "The features of the default project cannot be changed" });
  }
  if (await isEmpty(context, name)) return;
  throw new DreyError("BAD_REQUEST", {
    message:
      `Cannot change ${changed.name} of project "${name}": features can only be changed while it is empty`,
  });
}

const isOn = (config: Config, key: string) =>
  hasFeature({ config, description: "" }, key.slice("features.".length) as Parameters<typeof hasFeature>[1]);

/** A project with profiles of its own has one called `default`. */
async function profileOfFeature(context: Context, name: string, record: ProjectRecord): Promise<Write[]> {
  if (name === defaultProject) return [];
  if (!hasFeature(record, "profiles")) return [{ key: profileKey(name), delete: true }];
  return await context.store.get(profileKey(name)) === undefined ? [defaultProfile(name, {})] : [];
}

async function mustBeEmpty(context: Context, name: string, verb: string): Promise<void> {
  if (await isEmpty(context, name)) return;
  throw new DreyError("BAD_REQUEST", { message: `Only empty projects can be ${verb}` });
}

async function isEmpty(context: Context, name: string): Promise<boolean> {
  const found = (await projectContents(context, name)).get(name) ?? [];
  return found.every((address) => address.startsWith("/1.0/profiles/default?"));
}

async function find(context: Context, name: string): Promise<{ record: ProjectRecord; revision: number }> {
  const entry = name === "" ? undefined : await context.store.get<ProjectRecord>(projectKey(name));
  if (entry !== undefined) return { record: entry.value, revision: entry.revision };
  if (name === defaultProject) return { record: untouchedDefault, revision: 0 };
  throw new DreyError("NOT_FOUND", { message: `Project "${name}" not found` });
}

/** The default project's profile `default` is there before anybody writes it down. */
function usedBy(name: string, found: readonly string[] = []): string[] {
  const profile = "/1.0/profiles/default";
  const isImplied = name === defaultProject && !found.includes(profile);
  return [...found, ...isImplied ? [profile] : []].sort();
}

function defaultProfile(project: string, devices: Devices): Write {
  const description = `Default drey profile for project ${project}`;
  return { key: profileKey(project), value: { description, config: {}, devices } };
}

const profileKey = (project: string) => ["profiles", project, "default"];

function devicesOf({ storage, network }: ProjectsPost): Devices {
  return {
    ...storage && { root: { path: "/", pool: storage, type: "disk" } },
    ...network && { eth0: { name: "eth0", network, type: "nic" } },
  };
}

function happened(context: Context, action: string, name: string, more?: Record<string, unknown>): Write {
  const source = `/1.0/projects/${encodeURIComponent(name)}`;
  return lifecycleWrite(context, { project: name, action, source, ...(more && { context: more }) });
}

function exists(name: string): DreyError {
  return new DreyError("ALREADY_EXISTS", { message: `Project "${name}" already exists` });
}

function projectChanged(name: string): DreyError {
  return changedMeanwhile(`Project "${name}"`);
}

function defaultStays(verb: string): DreyError {
  return new DreyError("FORBIDDEN", { message: `The default project cannot be ${verb}` });
}
