// Answers where there is no route: for the parts of LXD's API that drey does not have, an empty list where a list is
// asked for, for there are none; not found for one of them; and a refusal for whatever would make or change one.

import { DreyError, type ErrorCode } from "../../errors.ts";
import { type AbsentPart, absentParts } from "../../wire/routes/absent.ts";
import { type Method, routes } from "../../wire/routes.ts";
import type { Caller } from "../call.ts";
import { matchPath } from "../../wire/paths.ts";
import { type Answer, failure, refusal, sync } from "../envelope.ts";
import { mayCall } from "../middleware/permission.ts";

export interface Unrouted {
  answer: Answer;
  /** address of what must exist for the answer to hold: a list below a thing that is not there is none */
  below?: string;
}

/**
 * The answer to a request that no route serves.
 *
 * @throws {DreyError} `FORBIDDEN` for a stranger who asks for a part that is absent
 */
export function answerUnrouted(method: string, path: string, caller: Caller): Unrouted {
  for (const part of absentParts) {
    for (const [pattern, methods] of Object.entries(part.paths)) {
      if (!methods.includes(method as Method) || matchPath(pattern, path) === undefined) continue;
      mayCall(caller, { access: "authenticated", path: pattern });
      return answerAbsent(part, method, { pattern, path });
    }
  }
  return { answer: isKnown(path) ? refusal(501, "not implemented") : refusal(404, "not found") };
}

interface Place {
  pattern: string;
  path: string;
}

function answerAbsent(part: AbsentPart, method: string, place: Place): Unrouted {
  const refused = (code: ErrorCode, message: string) => ({
    answer: failure(new DreyError(code, { message })),
  });
  if (part.says !== undefined) return refused("BAD_REQUEST", part.says);
  if (part.reason === "cluster") return refused("BAD_REQUEST", "This server is not clustered");
  if (method !== "GET") return refused("NOT_SUPPORTED", `${part.what} are not supported yet`);
  if (isList(place.pattern)) return { answer: sync([]), ...ownerOf(place) };
  return refused("NOT_FOUND", `${part.what}: there is none of this name`);
}

/** A list ends in the word for its things. */
function isList(pattern: string): boolean {
  const last = pattern.split("/").at(-1) ?? "";
  return !last.startsWith("{") && !["state", "log", "export"].includes(last);
}

/** The thing that a list belongs to, if it belongs to one. */
function ownerOf({ pattern, path }: Place): { below?: string } {
  const words = pattern.split("/");
  const at = words.findLastIndex((word) => word.startsWith("{"));
  return at === -1 ? {} : { below: path.split("/").slice(0, at + 1).join("/") };
}

/** Whether a path is one that drey knows, with whatever method. */
function isKnown(path: string): boolean {
  const known = [
    ...Object.values(routes).map((route) => route.path),
    ...absentParts.flatMap((part) => Object.keys(part.paths)),
  ];
  return known.some((pattern) => matchPath(pattern, path) !== undefined);
}
