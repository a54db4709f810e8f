// Background operations.

import {
  cancelOperation,
  findConnection,
  getOperation,
  listOperations,
  waitOperation,
} from "../../domain/operations.ts";
import { DreyError } from "../../errors.ts";
import type { Handlers } from "../call.ts";
import { isOn } from "../lists.ts";
import { isTrusted } from "../middleware/permission.ts";

type Names =
  | "operations.list"
  | "operation.get"
  | "operation.cancel"
  | "operation.wait"
  | "operation.socket";

export const handlers: Handlers<Names> = {
  "operations.list": async ({ context, project, recursion, query }) => {
    const operations = await listOperations(context, isOn(query("all-projects")) ? undefined : project);
    const byStatus = Object.groupBy(operations, ({ status }) => status.toLowerCase());
    return Object.fromEntries(
      Object.entries(byStatus).map(([status, group = []]) => [
        status,
        recursion > 0 ? group : group.map(({ id }) => `/1.0/operations/${id}`),
      ]),
    );
  },
  "operation.get": ({ context, params }) => getOperation(context, params.id),
  "operation.cancel": async ({ context, params }) => {
    await cancelOperation(context, params.id);
    return null;
  },
  "operation.wait": async ({ context, caller, params, query, signal }) => {
    if (!isTrusted(caller)) throw new DreyError("FORBIDDEN", { message: "not authorized" });
    const timeout = timeoutOf(query("timeout"));
    return await waitOperation(context, params.id, { timeout, signal });
  },
  "operation.socket": async ({ context, params, query }) => ({
    serve: await findConnection(context, params.id, query("secret") ?? ""),
  }),
};

function timeoutOf(text: string | undefined): number {
  if (text === undefined || text === "") return -1;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new DreyError("BAD_REQUEST", {
    message: `Invalid timeout "${text}": a number of seconds was expected`,
  });
}
