// In which project a request works.

import type { Context } from "../../domain/context.ts";
import { defaultProject, effectiveProject, mustExist } from "../../domain/projects/effective.ts";
import { DreyError } from "../../errors.ts";
import type { Route } from "../../wire/routes.ts";
import type { Query } from "../call.ts";
import { isOn } from "../lists.ts";

/**
 * The project a request names, or the default one; for things that its project does not have for itself, the one that
 * has them.
 *
 * @throws {DreyError} `NOT_FOUND` if there is no such project, `BAD_REQUEST` if it asks for one and for all
 */
export async function projectOf(
  context: Context,
  query: Query,
  route: Pick<Route, "feature">,
): Promise<string> {
  const project = query.get("project") || defaultProject;
  if (query.get("project") && isOn(query.get("all-projects") ?? undefined)) {
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot specify a project when requesting all projects",
    });
  }
  if (route.feature !== undefined) return await effectiveProject(context, project, route.feature);
  await mustExist(context, project);
  return project;
}
