// Which networks a project may know of: what a restricted one must not use, it does not see either.

import { DreyError } from "../../errors.ts";
import type { Context, Ref } from "../context.ts";
import { defaultProject, projectKey, type ProjectRecord } from "../projects/effective.ts";
import { networkKey } from "./record.ts";

/**
 * Makes sure that the project which asks may know of a network; where there is none, what follows says so.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function mustReachNetwork(context: Context, { project, name }: Ref): Promise<void> {
  const mayReach = await networksWithinReach(context);
  const managed = await context.store.get(networkKey({ project, name })) !== undefined;
  if (!mayReach({ name, managed })) throw new DreyError("NOT_FOUND", { message: "Network not found" });
}

/** Which networks the project that asks may know of: a restricted one perhaps not of all. */
export async function networksWithinReach(
  context: Context,
): Promise<(network: { name: string; managed: boolean }) => boolean> {
  const asked = context.askedProject ?? defaultProject;
  const entry = await context.store.get<ProjectRecord>(projectKey(asked));
  if (entry === undefined) return () => true;
  const { maySeeNetwork } = await import("../projects/restrictions.ts");
  return (network) => maySeeNetwork(entry.value.config, network);
}
