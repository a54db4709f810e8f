// Answers where there is no route: for the parts of LXD's API that drey does not have, an empty list where a list is
// asked for, for there are none; not found for one of them; and a refusal for whatever would make or change one.

import { DreyError } from "../../errors.ts";
import { type AbsentPart, absentParts } from "../../wire/routes/absent.ts";
import { type Method, routes } from "../../wire/routes.ts";
import type { Caller } from "../call.ts";
import { matchPath } from "../../wire/paths.ts";
import { type Answer, failure, refusal, sync } from "../envelope.ts";
import { mayCall } from "../middleware/permission.ts";

/**
 * The answer to a request that no route serves.
 *
 * @throws {DreyError} `FORBIDDEN` for a stranger who asks for a part that is absent
 */
export function answerUnrouted(method: string, path: string, caller: Caller): Answer {
  for (const part of absentParts) {
    for (const [pattern, methods] of Object.entries(part.paths)) {
      if (!methods.includes(method as Method) || matchPath(pattern, path) === undefined) continue;
      mayCall(caller, { access: "authenticated", path });
      return answerAbsent(part, method, pattern);
    }
  }
  return isKnown(path) ? refusal(501, "not implemented") : refusal(404, "not found");
}

function answerAbsent(part: AbsentPart, method: string, pattern: string): Answer {
  if (part.says !== undefined) return failure(new DreyError("BAD_REQUEST", { message: part.says }));
  if (part.reason === "cluster") {
    return failure(new DreyError("BAD_REQUEST", { message: "This server is not clustered" }));
  }
  if (method !== "GET") {
    return failure(new DreyError("NOT_SUPPORTED", { message: `${part.what} are not supported yet` }));
  }
  if (isList(pattern)) return sync([]);
  return failure(new DreyError("NOT_FOUND", { message: `${part.what}: there is none of this name` }));
}

/** A list ends in the word for its things; below a thing that cannot exist there are no lists. */
function isList(pattern: string): boolean {
  const words = pattern.split("/").slice(2);
  const last = words.at(-1) ?? "";
  const above = words.slice(0, -1).filter((word) => word.startsWith("{"));
  return !last.startsWith("{") && last !== "state" && above.every((word) => word === "{pool}");
}

/** Whether a path is one that drey knows, with whatever method. */
function isKnown(path: string): boolean {
  const known = [
    ...Object.values(routes).map((route) => route.path),
    ...absentParts.flatMap((part) => Object.keys(part.paths)),
  ];
  return known.some((pattern) => matchPath(pattern, path) !== undefined);
}
