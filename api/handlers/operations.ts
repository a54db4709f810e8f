// Background operations.

import {
  cancelOperation,
  findConnection,
  getOperation,
  listOperations,
  projectOfOperation,
  waitOperation,
} from "../../domain/operations.ts";
import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Call, Caller, Handlers } from "../call.ts";
import { isOn } from "../lists.ts";
import { confinedTo, forbidden, isTrusted } from "../middleware/permission.ts";

type Names =
  | "operations.list"
  | "operation.get"
  | "operation.cancel"
  | "operation.wait"
  | "operation.socket";

export const handlers: Handlers<Names> = {
  "operations.list": async ({ context, caller, project, recursion, query }) => {
    const all = await listOperations(context, isOn(query("all-projects")) ? undefined : project);
    const operations = all.filter((operation) => maySee(caller, operation));
    const grouped = Object.entries(Object.groupBy(operations, ({ status }) => status.toLowerCase()));
    const byStatus = grouped.map(([status, group = []]) => [status, group] as const);
    if (recursion > 0) return Object.fromEntries(byStatus);
    const addresses = (group: readonly Operation[]) => group.map(({ id }) => `/1.0/operations/${id}`);
    return Object.fromEntries(byStatus.map(([status, group]) => [status, addresses(group)]));
  },
  "operation.get": async ({ context, caller, params }) => await visible(context, caller, params.id),
  "operation.cancel": async ({ context, caller, params }) => {
    await visible(context, caller, params.id);
    await cancelOperation(context, params.id);
  },
  "operation.wait": async ({ context, caller, params, query, signal }) => {
    if (isTrusted(caller)) await visible(context, caller, params.id);
    else await mustKnow(context, params.id, query("secret") ?? "");
    const timeout = timeoutOf(query("timeout"));
    return await waitOperation(context, params.id, { timeout, signal });
  },
  "operation.socket": async ({ context, params, query }) => ({
    serve: await findConnection(context, params.id, query("secret") ?? ""),
  }),
};

/** Tokens let others in: whoever is confined to projects is told of none. */
const maySee = (caller: Caller, operation: Operation) =>
  confinedTo(caller) === undefined || operation.class !== "token";

/** An operation that the caller may know of. @throws {DreyError} `NOT_FOUND` */
async function visible(context: Call["context"], caller: Caller, id: string): Promise<Operation> {
  const operation = await getOperation(context, id);
  const projects = confinedTo(caller);
  if (projects === undefined) return operation;
  if (maySee(caller, operation) && projects.includes(await projectOfOperation(context, id))) return operation;
  throw new DreyError("NOT_FOUND", { message: "Operation not found" });
}

/** A stranger who knows a secret of an operation was told it by somebody who may. */
async function mustKnow(context: Call["context"], id: string, secret: string): Promise<void> {
  const { metadata } = await getOperation(context, id).catch(unknownToStrangers);
  const { fds = {}, secret: own } = (metadata ?? {}) as { fds?: Record<string, string>; secret?: string };
  const secrets = [...Object.values(fds), ...(own === undefined ? [] : [own])];
  // for strangers only: it loads all of node:crypto
  const { isSame } = await import("../../auth/tls.ts");
  if (secret === "" || !secrets.some((known) => isSame(known, secret))) throw forbidden();
}

/** Strangers do not learn which operations there are. */
function unknownToStrangers(): never {
  throw forbidden();
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined || text === "") return -1;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new DreyError("BAD_REQUEST", {
    message: `Invalid timeout "${text}": a number of seconds was expected`,
  });
}
