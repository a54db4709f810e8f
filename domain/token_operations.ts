// Operations of class token: a secret that waits to be used once. No process runs them, so they outlive whoever made
// them; they end by being used, cancelled or too old.

import { isSame } from "../auth/tls.ts";
import type { Entry } from "../store/store.ts";
import type { Operation } from "../wire/operation.ts";
import type { Context } from "./context.ts";
import {
  expiredRecords,
  isOverdue,
  type OperationRecord,
  operationWrites,
  statusOf,
} from "./operation_records.ts";

export interface TokenStart {
  project: string;
  /** LXD's wording */
  description: string;
  resources?: Record<string, string[]>;
  /** must hold `secret`; `expiresAt` (RFC 3339) ends it */
  metadata: { secret: string; expiresAt?: string } & Record<string, unknown>;
}

/** Makes a token that can be used once. */
export async function startTokenOperation(context: Context, start: TokenStart): Promise<Operation> {
  const now = context.now().toISOString();
  const operation: Operation = {
    id: crypto.randomUUID(),
    class: "token",
    description: start.description,
    created_at: now,
    updated_at: now,
    ...statusOf("Running"),
    resources: start.resources ?? null,
    metadata: start.metadata,
    may_cancel: true,
    err: "",
    err_code: 0,
    location: "none",
  };
  const old = await expiredRecords(context);
  await context.store.commit([], [...old, ...operationWrites(context, start.project, operation)]);
  return operation;
}

/** The open token with this secret, which stays open. */
export async function findToken(
  context: Context,
  secret: string,
  fits: (operation: Operation) => boolean,
): Promise<Operation | undefined> {
  return (await find(context, secret, fits))?.value.operation;
}

/**
 * Uses up the token with this secret, whichever process made it; of several that try at once, one gets it.
 *
 * @param fits says which tokens are meant at all
 */
export async function takeToken(
  context: Context,
  secret: string,
  fits: (operation: Operation) => boolean,
): Promise<Operation | undefined> {
  const found = await find(context, secret, fits);
  if (found === undefined) return undefined;
  const { operation, project } = found.value;
  const used: Operation = { ...operation, ...statusOf("Success"), updated_at: context.now().toISOString() };
  const won = await context.store.commit(
    [{ key: found.key, revision: found.revision }],
    operationWrites(context, project, used),
  );
  return won ? operation : undefined;
}

async function find(
  context: Context,
  secret: string,
  fits: (operation: Operation) => boolean,
): Promise<Entry<OperationRecord> | undefined> {
  const entries = await context.store.list<OperationRecord>(["operations"]);
  const open = entries.filter(({ value: { operation } }) =>
    isOpenToken(context, operation) && fits(operation)
  );
  let found: Entry<OperationRecord> | undefined;
  // all of them are looked at, so that the time it takes tells nothing
  for (const entry of open) {
    if (isSame(String(entry.value.operation.metadata?.secret ?? ""), secret)) found = entry;
  }
  return secret === "" ? undefined : found;
}

function isOpenToken(context: Context, operation: Operation): boolean {
  return operation.class === "token" && operation.status === "Running" &&
    !isOverdue(operation, context.now());
}
