// In which project a request works.

import { DreyError } from "../../errors.ts";

/**
 * The project a request names, or the default one.
 *
 * @throws {DreyError} `NOT_FOUND`: so far there is only the default one
 */
export function projectOf(query: URLSearchParams): string {
  const project = query.get("project") || "default";
  if (project !== "default") {
    throw new DreyError("NOT_FOUND", { message: `Project "${project}" not found` });
  }
  return project;
}
