// Who may call what. Whoever reaches the unix socket or runs the process is the user; nobody else is known yet.

import { DreyError } from "../../errors.ts";
import type { Route } from "../../wire/routes.ts";
import type { Caller } from "../call.ts";

/** Whether the caller is the user drey works for. */
export function isTrusted(caller: Caller): boolean {
  return caller.protocol !== "tls";
}

/** @throws {DreyError} `FORBIDDEN` */
export function mayCall(caller: Caller, access: Route["access"]): void {
  if (access === "untrusted" || isTrusted(caller)) return;
  throw new DreyError("FORBIDDEN", { message: "not authorized" });
}
