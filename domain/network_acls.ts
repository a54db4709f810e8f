// Access control lists: named rules that networks and NICs obey.

import { normalAclRule, refuseSameAclRule, validateAclRule } from "../config/acl_rules.ts";
import { DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Config } from "../wire/instance.ts";
import type { NetworkAcl, NetworkAclPut, NetworkAclRule, NetworkAclsPost } from "../wire/network_acl.ts";
import type { Context, Ref } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { aclUsers } from "./networks/acl_users.ts";

export interface AclRecord {
  description: string;
  ingress: NetworkAclRule[];
  egress: NetworkAclRule[];
  config: Config;
}

export const aclKey = (ref: Ref): Key => ["network-acls", ref.project, ref.name];

/** All ACLs of a project, or of every one. */
export async function listNetworkAcls(context: Context, project?: string): Promise<NetworkAcl[]> {
  const prefix = project === undefined ? ["network-acls"] : ["network-acls", project];
  const entries = await context.store.list<AclRecord>(prefix);
  const users = await aclUsers(context);
  return entries.map(({ key, value }) => shape({ project: key[1] ?? "", name: key[2] ?? "" }, value, users));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getNetworkAcl(context: Context, ref: Ref): Promise<NetworkAcl> {
  const { value } = await load(context, ref);
  return shape(ref, value, await aclUsers(context));
}

function shape({ project, name }: Ref, record: AclRecord, users: ReadonlyMap<string, string[]>): NetworkAcl {
  return { name, project, ...record, used_by: users.get(name) ?? [] };
}

async function load(context: Context, ref: Ref): Promise<Entry<AclRecord>> {
  const entry = await context.store.get<AclRecord>(aclKey(ref));
  if (entry === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Network ACL "${ref.name}" not found` });
  }
  return entry;
}

/** @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS` */
export async function createNetworkAcl(
  context: Context,
  project: string,
  post: NetworkAclsPost,
): Promise<void> {
  const ref = { project, name: post.name };
  validateName(post.name);
  const { description = "", ingress = [], egress = [], config = {} } = post;
  const record = checked({ description, ingress, egress, config });
  const key = aclKey(ref);
  const done = await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    happened(context, "network-acl-created", ref),
  ]);
  if (!done) {
    throw new DreyError("ALREADY_EXISTS", { message: `The network ACL "${post.name}" already exists` });
  }
}

function validateName(name: string): void {
  if (/^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(name) && !name.endsWith("-")) return;
  throw new DreyError("BAD_REQUEST", {
    message:
      `Invalid network ACL name "${name}": it has 1 to 63 letters, digits and hyphens and starts with a letter`,
  });
}

function checked(given: AclRecord): AclRecord {
  const record = {
    ...given,
    ingress: given.ingress.map(normalAclRule),
    egress: given.egress.map(normalAclRule),
  };
  for (const direction of ["ingress", "egress"] as const) {
    for (const rule of record[direction]) validateAclRule(direction, rule);
    refuseSameAclRule(direction, record[direction]);
  }
  const wrong = Object.keys(record.config).find((name) => !name.startsWith("user."));
  if (wrong === undefined) return record;
  throw new DreyError("BAD_REQUEST", { message: `Invalid network ACL option "${wrong}"` });
}

/** Replaces what the ACL says, in force at once. */
export async function updateNetworkAcl(context: Context, ref: Ref, put: NetworkAclPut): Promise<void> {
  const { description = "", ingress = [], egress = [], config = {} } = put;
  await change(context, ref, () => ({ description, ingress, egress, config }));
}

/** Changes the parts that are named. */
export async function patchNetworkAcl(context: Context, ref: Ref, put: NetworkAclPut): Promise<void> {
  await change(context, ref, (old) => ({
    description: put.description ?? old.description,
    ingress: put.ingress ?? old.ingress,
    egress: put.egress ?? old.egress,
    config: { ...old.config, ...put.config },
  }));
}

async function change(context: Context, ref: Ref, edit: (old: AclRecord) => AclRecord): Promise<void> {
  const { value, revision } = await load(context, ref);
  const key = aclKey(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: checked(edit(value)) },
    happened(context, "network-acl-updated", ref),
  ]);
  if (!done) throw changedMeanwhile(`Network ACL "${ref.name}"`);
  const { applyAcls } = await import("./networks/rules.ts");
  await applyAcls(context);
}

/** @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` while in use */
export async function renameNetworkAcl(context: Context, ref: Ref, name: string): Promise<void> {
  validateName(name);
  const { value, revision } = await load(context, ref);
  await refuseUsed(context, ref);
  const to = { ...ref, name };
  const done = await context.store.commit(
    [{ key: aclKey(ref), revision }, { key: aclKey(to), revision: 0 }],
    [
      { key: aclKey(ref), delete: true },
      { key: aclKey(to), value },
      happened(context, "network-acl-renamed", to, { old_name: ref.name }),
    ],
  );
  if (!done) throw new DreyError("ALREADY_EXISTS", { message: `Network ACL "${name}" already exists` });
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while in use */
export async function deleteNetworkAcl(context: Context, ref: Ref): Promise<void> {
  const { revision } = await load(context, ref);
  await refuseUsed(context, ref);
  const key = aclKey(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    happened(context, "network-acl-deleted", ref),
  ]);
  if (!done) throw changedMeanwhile(`Network ACL "${ref.name}"`);
}

async function refuseUsed(context: Context, { name }: Ref): Promise<void> {
  const users = (await aclUsers(context)).get(name) ?? [];
  if (users.length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: "The network ACL is currently in use",
    hint: `It is used by: ${users.slice(0, 5).join(", ")}`,
  });
}

/** What an ACL has logged: a line of JSON for each who, to whom and what for, the last packet first. */
export async function networkAclLog(context: Context, ref: Ref): Promise<string> {
  await load(context, ref);
  const { readAclLog } = await import("./networks/rules.ts");
  const { timed } = await import("./networks/refusals.ts");
  return timed(context, await readAclLog(context, ref.name)).map((entry) => `${JSON.stringify(entry)}\n`)
    .join("");
}

function happened(context: Context, action: string, ref: Ref, more?: Record<string, unknown>): Write {
  const source = `/1.0/network-acls/${encodeURIComponent(ref.name)}`;
  return lifecycleWrite(context, { project: ref.project, action, source, ...(more && { context: more }) });
}
