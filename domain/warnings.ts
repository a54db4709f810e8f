// Warnings: problems that stop nothing, noted so that they are seen. The same problem of the same thing is one warning,
// however often it is met.

import { DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Warning, WarningPut, WarningSeverity } from "../wire/warning.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";

/** A problem as whoever meets it tells it. */
export interface Problem {
  type: string;
  severity: WarningSeverity;
  message: string;
  /** empty for what is about the host */
  project?: string;
  /** address of the thing it is about, `/1.0/instances/c1` */
  entity?: string;
}

/** All warnings, of one project or of every one and the host; the first seen first. */
export async function listWarnings(context: Context, project?: string): Promise<Warning[]> {
  const entries = await context.store.list<Warning>(["warnings"]);
  return entries.map(({ value }) => value)
    .filter((warning) => project === undefined || warning.project === project)
    .sort((a, b) => orderOf(a) < orderOf(b) ? -1 : 1);
}

const orderOf = ({ first_seen_at, entity_url, type }: Warning) => `${first_seen_at} ${entity_url} ${type}`;

/** @throws {DreyError} `NOT_FOUND` */
export async function getWarning(context: Context, uuid: string): Promise<Warning> {
  return (await find(context, uuid)).value;
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for another status than new and acknowledged */
export async function changeWarning(context: Context, uuid: string, put: WarningPut): Promise<void> {
  const { key, value, revision } = await find(context, uuid);
  const { status = "" } = put;
  if (status !== "new" && status !== "acknowledged") {
    throw new DreyError("BAD_REQUEST", { message: `Invalid warning type "${status}"` });
  }
  const action = status === "new" ? "warning-reset" : "warning-acknowledged";
  const done = await context.store.commit([{ key, revision }], [
    { key, value: { ...value, status } },
    happened(context, action, uuid),
  ]);
  if (!done) {
    throw changedMeanwhile("The warning");
  }
}

/** @throws {DreyError} `NOT_FOUND` */
export async function deleteWarning(context: Context, uuid: string): Promise<void> {
  const { key } = await find(context, uuid);
  await context.store.commit([], [{ key, delete: true }, happened(context, "warning-deleted", uuid)]);
}

/** Notes problems; one that was thought to be over is new again, one that was acknowledged stays so. */
export async function reportProblems(context: Context, problems: readonly Problem[]): Promise<void> {
  if (problems.length === 0) return;
  const known = await context.store.list<Warning>(["warnings"]);
  const now = context.now().toISOString();
  const writes = problems.map((problem): Write => {
    const old = known.find(({ value }) => isAbout(value, problem));
    const value = old === undefined ? newWarning(problem, now) : seenAgain(old.value, problem, now);
    return { key: keyOf(value.uuid), value };
  });
  await context.store.commit([], writes);
}

/** Marks warnings of these types as resolved, where they still stand. */
export async function resolveProblems(
  context: Context,
  problems: readonly Pick<Problem, "type" | "project" | "entity">[],
): Promise<void> {
  const known = await context.store.list<Warning>(["warnings"]);
  const over = known.filter(({ value }) =>
    value.status !== "resolved" && problems.some((problem) => isAbout(value, problem))
  );
  if (over.length === 0) return;
  await context.store.commit(
    over.map(({ key, revision }) => ({ key, revision })),
    over.map(({ key, value }) => ({ key, value: { ...value, status: "resolved" } })),
  );
}

/** The deletion of all warnings about a thing that is no more, as part of the commit that ends it. */
export async function forgetWarnings(
  context: Context,
  about: Required<Pick<Problem, "project" | "entity">>,
): Promise<Write[]> {
  const known = await context.store.list<Warning>(["warnings"]);
  return known.filter(({ value }) => value.entity_url === entityUrl(about))
    .map(({ key }) => ({ key, delete: true }));
}

function newWarning(problem: Problem, now: string): Warning {
  const { type, severity, message, project = "" } = problem;
  return {
    uuid: crypto.randomUUID(),
    type,
    status: "new",
    severity,
    count: 1,
    first_seen_at: now,
    last_seen_at: now,
    last_message: message,
    location: "none",
    project,
    entity_url: entityUrl(problem),
  };
}

function seenAgain(old: Warning, { message, severity }: Problem, now: string): Warning {
  return {
    ...old,
    severity,
    status: old.status === "resolved" ? "new" : old.status,
    count: old.count + 1,
    last_seen_at: now,
    last_message: message,
  };
}

function isAbout(warning: Warning, problem: Pick<Problem, "type" | "project" | "entity">): boolean {
  return warning.type === problem.type && warning.project === (problem.project ?? "") &&
    warning.entity_url === entityUrl(problem);
}

/** The address of a thing with its project, which LXD writes out here even for the default one. */
function entityUrl({ project = "", entity = "" }: Pick<Problem, "project" | "entity">): string {
  return entity === "" ? "" : `${entity}?project=${encodeURIComponent(project || "default")}`;
}

const keyOf = (uuid: string): Key => ["warnings", uuid];

async function find(context: Context, uuid: string): Promise<Entry<Warning>> {
  const entry = await context.store.get<Warning>(keyOf(uuid));
  if (entry === undefined) throw new DreyError("NOT_FOUND", { message: "Warning not found" });
  return entry;
}

function happened(context: Context, action: string, uuid: string): Write {
  return lifecycleWrite(context, { project: "", action, source: `/1.0/warnings/${uuid}` });
}
