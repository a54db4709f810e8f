// Managed networks: what they are called, what they say, who uses them. What becomes of them in the kernel is the
// hub's (networks/hub.ts), which has those up that something is plugged into.

import { mustKnowEmptied, withoutEmpty } from "../config/key.ts";
import { validateNetworkName } from "../config/names.ts";
import { type NetworkType, validateNetworkConfig } from "../config/network_keys.ts";
import { alsoFailed, DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Write } from "../store/store.ts";
import type { Config } from "../wire/instance.ts";
import type { Network, NetworkPut, NetworksPost } from "../wire/network.ts";
import type { Context, Ref } from "./context.ts";
import { filled, refuseOverlap, reopened } from "./networks/addressing.ts";
import { lifecycleWrite } from "./events.ts";
import {
  defaultNetwork,
  loadNetwork,
  networkDirectory,
  networkKey,
  type NetworkRecord,
  networkRecords,
} from "./networks/record.ts";
import { forwardWrites } from "./network_forwards.ts";
import { refuseAbsentZones } from "./network_zones.ts";
import { networkUsers } from "./networks/users.ts";

/** All networks of a project, or of every one, with the interfaces of the host. */
export async function listNetworks(context: Context, project?: string): Promise<Network[]> {
  const records = await networkRecords(context, project);
  const users = await networkUsers(context);
  const managed = records.map(({ ref, record }) => shape(ref, record, users(ref)));
  const { hostInterfaces } = await import("./networks/host_interfaces.ts");
  const names = managed.map(({ name }) => name);
  const others = hostInterfaces().filter(({ name }) => !names.includes(name));
  return [...managed, ...others].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getNetwork(context: Context, ref: Ref): Promise<Network> {
  const entry = await context.store.get<NetworkRecord>(networkKey(ref));
  if (entry !== undefined) return shape(ref, entry.value, (await networkUsers(context))(ref));
  const { hostInterfaces } = await import("./networks/host_interfaces.ts");
  const found = hostInterfaces().find(({ name }) => name === ref.name);
  if (found === undefined) throw new DreyError("NOT_FOUND", { message: `Network "${ref.name}" not found` });
  return found;
}

function shape({ project, name }: Ref, record: NetworkRecord, used_by: string[]): Network {
  const { type, description, config } = record;
  return {
    name,
    description,
    type,
    managed: true,
    status: "Created",
    config,
    used_by,
    locations: ["none"],
    project,
  };
}

const buildable: readonly string[] = ["bridge", "macvlan", "physical", "sriov"];

/**
 * Adds a network.
 *
 * @throws {DreyError} `BAD_REQUEST` for a name or key that is not allowed, `ALREADY_EXISTS`, `NOT_SUPPORTED`
 */
export async function createNetwork(context: Context, project: string, post: NetworksPost): Promise<void> {
  validateNetworkName(post.name);
  const type = typeOf(context, project, post.type);
  const ref = { project, name: post.name };
  const { refuseTakenInterface } = await import("./networks/host_interfaces.ts");
  const known = await context.store.get(networkKey(ref));
  if (known !== undefined) throw taken(post.name);
  if (type === "bridge") refuseTakenInterface(context, post.name);
  await using _lock = await context.store.lock(["networks"]);
  const config = await filled(context, type, withoutEmpty(post.config ?? {}));
  validateNetworkConfig(type, config);
  refuseHostParts(context, config);
  await refuseAbsentZones(context, config);
  await refuseOverlap(context, ref, config);
  const record: NetworkRecord = { type, description: post.description ?? "", config };
  const key = networkKey(ref);
  const { mustAllowIn } = await import("./projects/allow.ts");
  await mustAllowIn(context, project, { networks: 1 });
  const done = await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    happened(context, "network-created", ref),
  ]);
  if (!done) throw taken(post.name);
  await keepUp(context, ref, record).catch(async (error) => {
    await forget(context, ref);
    throw error;
  });
}

/** Root's bridges are there from now on. @throws {DreyError} `TOOL_MISSING`, and what the kernel says */
async function keepUp(context: Context, { name }: Ref, { type }: Pick<NetworkRecord, "type">): Promise<void> {
  if (context.user.uid !== 0 || type !== "bridge" || name === defaultNetwork) return;
  const { mustHaveNetworkTools } = await import("./networks/default.ts");
  await mustHaveNetworkTools(context, `Cannot bring up network "${name}"`);
  const { ensureNetwork } = await import("./networks/hub.ts");
  await ensureNetwork(context, name, undefined);
}

const taken = (name: string) =>
  new DreyError("ALREADY_EXISTS", { message: `The network "${name}" already exists` });

function typeOf(context: Context, project: string, asked: string | undefined): NetworkType {
  const type = asked || "bridge";
  if (type === "ovn") {
    throw new DreyError("NOT_SUPPORTED", { message: "Networks of type ovn are not supported" });
  }
  if (!buildable.includes(type)) {
    throw bad(`Unknown network type "${type}": expected ${buildable.join(", ")}`);
  }
  if (type !== "bridge" && context.user.uid !== 0) {
    throw new DreyError("FORBIDDEN", {
      message: `Cannot create a network of type ${type}: it uses interfaces of the host, which only root may`,
      hint: "Use a bridge, which every user can have",
    });
  }
  if (project !== "default") {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Networks of type ${type} can only be in the default project`,
      hint: "Set features.networks=false on the project to share its networks",
    });
  }
  return type as NetworkType;
}

/** Interfaces of the host, and tunnels that begin there, are root's. */
function refuseHostParts(context: Context, config: Config): void {
  if (context.user.uid === 0) return;
  const key = Object.keys(config).find((name) =>
    name === "bridge.external_interfaces" || name.startsWith("tunnel.")
  );
  if (key === undefined) return;
  throw new DreyError("FORBIDDEN", {
    message: `Cannot set "${key}": a user's networks have no part in the host's interfaces, which are root's`,
    hint: "Run drey as root for a network that reaches others",
  });
}

/** Replaces what the network says; what the body leaves out is unset, but for what drey remembers. */
export async function updateNetwork(context: Context, ref: Ref, put: NetworkPut): Promise<void> {
  await change(context, ref, (old) => ({
    description: put.description ?? "",
    config: { ...volatileOf(old.config), ...put.config },
  }));
}

/** Changes the keys that are named; an empty value unsets one. */
export async function patchNetwork(context: Context, ref: Ref, put: NetworkPut): Promise<void> {
  await change(context, ref, (old) => ({
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
  }));
}

const volatileOf = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name.startsWith("volatile.")));

async function change(
  context: Context,
  ref: Ref,
  edit: (old: NetworkRecord) => Omit<NetworkRecord, "type">,
): Promise<void> {
  await using _lock = await context.store.lock(["networks"]);
  const { value: old, revision } = await loadNetwork(context, ref);
  const edited = edit(old);
  mustKnowEmptied(edited.config, (emptied) => validateNetworkConfig(old.type, emptied));
  const config = await reopened(context, old.type, withoutEmpty(edited.config));
  validateNetworkConfig(old.type, config);
  refuseHostParts(context, config);
  await refuseAbsentZones(context, config);
  await refuseOverlap(context, ref, config);
  const key = networkKey(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: { ...old, description: edited.description, config } },
    happened(context, "network-updated", ref),
  ]);
  if (!done) throw changedMeanwhile(`Network "${ref.name}"`);
  const { refreshNetwork } = await import("./networks/hub.ts");
  try {
    const { remakeLost } = await import("./networks/mend.ts");
    await remakeLost(context, ref.name);
    await refreshNetwork(context, ref.name);
    await keepUp(context, ref, old); // where it could not be had before
  } catch (error) {
    // what the kernel refuses would stand in the way of every change that follows
    const { revision } = await loadNetwork(context, ref);
    await context.store.commit([{ key, revision }], [
      { key, value: old },
      happened(context, "network-updated", ref),
    ]);
    await refreshNetwork(context, ref.name).catch((later) => Promise.reject(alsoFailed(error, later)));
    throw error;
  }
}

/** @throws {DreyError} `NOT_FOUND`, `ALREADY_EXISTS`, `BAD_REQUEST` while in use */
export async function renameNetwork(context: Context, ref: Ref, name: string): Promise<void> {
  validateNetworkName(name);
  await using _lock = await context.store.lock(["networks"]);
  const { value, revision } = await loadNetwork(context, ref);
  const to = { ...ref, name };
  if (await context.store.get(networkKey(to)) !== undefined) {
    throw new DreyError("ALREADY_EXISTS", { message: `Network "${name}" already exists` });
  }
  await refuseUsed(context, ref, "renamed");
  moveFiles(context, ref.name, name);
  const done = await context.store.commit(
    [{ key: networkKey(ref), revision }, { key: networkKey(to), revision: 0 }],
    [
      { key: networkKey(ref), delete: true },
      { key: networkKey(to), value },
      ...await forwardWrites(context, ref, to),
      happened(context, "network-renamed", to, { old_name: ref.name }),
    ],
  );
  if (!done) {
    moveFiles(context, name, ref.name);
    throw changedMeanwhile(`Network "${ref.name}"`);
  }
  const { takeNetworkDown } = await import("./networks/hub.ts");
  await takeNetworkDown(context, ref.name);
  await keepUp(context, to, value);
}

function moveFiles(context: Context, from: string, to: string): void {
  try {
    Deno.renameSync(networkDirectory(context, from), networkDirectory(context, to));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // never used, so it has none
  }
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while in use */
export async function deleteNetwork(context: Context, ref: Ref): Promise<void> {
  await using _lock = await context.store.lock(["networks"]);
  await loadNetwork(context, ref);
  await refuseUsed(context, ref, "deleted");
  await forget(context, ref);
}

/** Takes a network away, from the records and from the kernel. */
async function forget(context: Context, ref: Ref): Promise<void> {
  const { revision } = await loadNetwork(context, ref);
  const key = networkKey(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    ...await forwardWrites(context, ref),
    happened(context, "network-deleted", ref),
  ]);
  if (!done) throw changedMeanwhile(`Network "${ref.name}"`);
  const { leaveHub, takeNetworkDown } = await import("./networks/hub.ts");
  await takeNetworkDown(context, ref.name);
  // last, since dnsmasq writes there for as long as it runs
  try {
    Deno.removeSync(networkDirectory(context, ref.name), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (context.user.uid === 0) await leaveHub(context);
}

async function refuseUsed(context: Context, ref: Ref, verb: string): Promise<void> {
  const users = (await networkUsers(context))(ref);
  if (users.length === 0) return;
  throw bad(
    `The network is currently in use and cannot be ${verb}`,
    `It is used by: ${users.slice(0, 5).join(", ")}`,
  );
}

function happened(context: Context, action: string, ref: Ref, more?: Record<string, unknown>): Write {
  const source = `/1.0/networks/${encodeURIComponent(ref.name)}`;
  return lifecycleWrite(context, { project: ref.project, action, source, ...(more && { context: more }) });
}

function bad(message: string, hint?: string): DreyError {
  return new DreyError("BAD_REQUEST", { message, ...(hint === undefined ? {} : { hint }) });
}
