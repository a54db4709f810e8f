// The member of a cluster a request is meant for: there is no cluster, so there is no such member.

import { DreyError } from "../../errors.ts";
import type { RouteName } from "../../wire/routes.ts";
import type { Query } from "../call.ts";

/** @throws {DreyError} `NOT_FOUND` or, where LXD looks at it first, `BAD_REQUEST` if the request names a member */
export function refuseTarget(name: RouteName, query: Query): void {
  const target = query.get("target");
  // where everything here says it is, and lxc says so again when it copies a volume
  if (!target || target === "none") return;
  if (name === "instances.create") {
    throw new DreyError("BAD_REQUEST", { message: "Target only allowed when clustered" });
  }
  throw new DreyError("NOT_FOUND", { message: "Cluster member not found" });
}
