// In which project a request works.

import type { Context } from "../../domain/context.ts";
import { defaultProject, effectiveProject, mustExist } from "../../domain/projects/effective.ts";
import { DreyError } from "../../errors.ts";
import type { Route } from "../../wire/routes.ts";
import type { Caller, Query } from "../call.ts";
import { isOn } from "../lists.ts";
import { forbidden, isTrusted, mayWorkIn } from "./permission.ts";

const volumes = "/1.0/storage-pools/{pool}/volumes";

/**
 * The project a request names, or the default one; for things that its project does not have for itself, the one that
 * has them.
 *
 * @throws {DreyError} `NOT_FOUND` if there is no such project, `BAD_REQUEST` if it asks for one and for all, `FORBIDDEN` outside
 * those the caller is confined to
 */
export async function projectOf(
  context: Context,
  query: Query,
  { route, caller }: { route: Pick<Route, "feature" | "method" | "path">; caller: Caller },
): Promise<string> {
  // strangers do not even learn which projects there are
  const isAll = isOn(query.get("all-projects") ?? undefined);
  if (!isTrusted(caller)) {
    if (isAll) throw forbidden();
    return defaultProject;
  }
  const project = query.get("project") || defaultProject;
  if (query.get("project") && isAll) {
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot specify a project when requesting all projects",
    });
  }
  // the server itself is in no project, whatever project it is looked at for
  // and clients look at it before they make the project they are going to use
  if (route.path === "/1.0") return project;
  mayWorkIn(caller, isAll ? undefined : project);
  if (route.feature !== undefined) {
    const effective = await effectiveProject(context, project, route.feature);
    // what a project has from the default one, those who are confined to it may use but not change
    if (route.method !== "GET") mayWorkIn(caller, effective);
    return effective;
  }
  await mustExist(context, project);
  // volumes find their home by themselves, since those of instances are at home elsewhere than custom ones
  if (route.method !== "GET" && route.path.startsWith(volumes)) {
    mayWorkIn(caller, await effectiveProject(context, project, "storage.volumes"));
  }
  return project;
}
