// Forwards and load balancers of networks: addresses of the host that lead to instances while their network is up.

import { parseAddress } from "../config/address.ts";
import { alsoFailed, DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Config } from "../wire/instance.ts";
import type {
  BalancerBackend,
  BalancerPort,
  ForwardPort,
  NetworkForward,
  NetworkLoadBalancer,
} from "../wire/network_forward.ts";
import type { Context, Ref } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { isHubWhole } from "./networks/hub_state.ts";
import { balancerTargets, checkTarget, forwardTargets, type PortTargets } from "./networks/port_targets.ts";
import { loadNetwork } from "./networks/record.ts";

export type ForwardKind = "forwards" | "load-balancers";

/** What the store keeps; of a load balancer the backends too. */
export interface ForwardRecord {
  description: string;
  config: Config;
  ports: (ForwardPort | BalancerPort)[];
  backends?: BalancerBackend[];
}

type Put = Partial<ForwardRecord>;
export interface ForwardRef {
  kind: ForwardKind;
  network: Ref;
  address: string;
}

const keyOf = ({ kind, network, address }: ForwardRef): Key => [
  `network-${kind}`,
  network.project,
  network.name,
  address,
];

/** What a record leads where. @throws {DreyError} `BAD_REQUEST` */
export function targetsOf(
  kind: ForwardKind,
  address: string,
  record: ForwardRecord,
  network: Config,
): PortTargets[] {
  if (kind === "forwards") return forwardTargets(address, record.ports as ForwardPort[], network);
  const ports = record.ports as BalancerPort[];
  return balancerTargets(address, { ports, backends: record.backends ?? [] }, network);
}

/** All of a network, as the store has them. @throws {DreyError} `NOT_FOUND` for the network */
export async function forwardRecords(
  context: Context,
  kind: ForwardKind,
  network: Ref,
): Promise<{ address: string; record: ForwardRecord }[]> {
  const entries = await context.store.list<ForwardRecord>([`network-${kind}`, network.project, network.name]);
  return entries.map(({ key, value }) => ({ address: key[3] ?? "", record: value }));
}

/** What takes the forwards and load balancers of a network along when it gets another name, or away with it. */
export async function forwardWrites(context: Context, from: Ref, to?: Ref): Promise<Write[]> {
  const kinds = ["forwards", "load-balancers"] as const;
  const found = await Promise.all(kinds.map(async (kind) => {
    const records = await forwardRecords(context, kind, from);
    return records.flatMap(({ address, record }): Write[] => [
      { key: keyOf({ kind, network: from, address }), delete: true },
      ...(to === undefined ? [] : [{ key: keyOf({ kind, network: to, address }), value: record }]),
    ]);
  }));
  return found.flat();
}

/** @throws {DreyError} `NOT_FOUND` for the network */
export async function listForwards(context: Context, network: Ref): Promise<NetworkForward[]> {
  await loadNetwork(context, network);
  return (await forwardRecords(context, "forwards", network)).map(({ address, record }) =>
    forward(address, record)
  );
}

/** @throws {DreyError} `NOT_FOUND` for the network */
export async function listLoadBalancers(context: Context, network: Ref): Promise<NetworkLoadBalancer[]> {
  await loadNetwork(context, network);
  const found = await forwardRecords(context, "load-balancers", network);
  return found.map(({ address, record }) => balancer(address, record));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getForward(context: Context, network: Ref, address: string): Promise<NetworkForward> {
  return forward(address, (await load(context, { kind: "forwards", network, address })).value);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getLoadBalancer(
  context: Context,
  network: Ref,
  address: string,
): Promise<NetworkLoadBalancer> {
  return balancer(address, (await load(context, { kind: "load-balancers", network, address })).value);
}

function forward(listen_address: string, { description, config, ports }: ForwardRecord): NetworkForward {
  return {
    listen_address,
    description,
    config,
    ports: ports.map(described) as ForwardPort[],
    location: "none",
  };
}

function balancer(listen_address: string, record: ForwardRecord): NetworkLoadBalancer {
  const { description, config, ports, backends = [] } = record;
  return {
    listen_address,
    description,
    config,
    backends: backends.map(described),
    ports: ports.map(described) as BalancerPort[],
    location: "none",
  };
}

/** What was given no description has an empty one. */
const described = <T extends { description?: string }>(part: T): T & { description: string } => ({
  ...part,
  description: part.description ?? "",
});

async function load(context: Context, ref: ForwardRef): Promise<Entry<ForwardRecord>> {
  const entry = await context.store.get<ForwardRecord>(keyOf(ref));
  if (entry !== undefined) return entry;
  const what = ref.kind === "forwards" ? "Network forward" : "Network load balancer";
  throw new DreyError("NOT_FOUND", { message: `${what} not found` });
}

/** @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`, `NOT_FOUND` for the network */
export async function createForward(context: Context, ref: ForwardRef, put: Put): Promise<void> {
  if (parseAddress(ref.address) === undefined) throw bad(`Invalid listen address "${ref.address}"`);
  const record = await checked(context, ref, fill(put));
  const key = keyOf(ref);
  const done = await context.store.commit([{ key, revision: 0 }], [
    { key, value: record },
    happened(context, "created", ref),
  ]);
  if (!done) {
    throw new DreyError("ALREADY_EXISTS", { message: `Listen address "${ref.address}" is in use already` });
  }
  await applyOrUndo(context, ref, undefined);
}

const fill = ({ description = "", config = {}, ports = [], backends }: Put): ForwardRecord => ({
  description,
  config,
  ports,
  ...(backends === undefined ? {} : { backends }),
});

async function checked(context: Context, ref: ForwardRef, record: ForwardRecord): Promise<ForwardRecord> {
  const { value: { config, type } } = await loadNetwork(context, ref.network);
  if (type !== "bridge") throw bad(`Networks of type ${type} have no ${ref.kind}`);
  const wrong = Object.keys(record.config).find((name) =>
    !name.startsWith("user.") && name !== "target_address"
  );
  if (wrong !== undefined) throw bad(`Invalid option "${wrong}"`);
  targetsOf(ref.kind, ref.address, record, config);
  const rest = record.config["target_address"];
  if (rest) await checkRest(context, ref, { rest, network: config });
  return record;
}

/** All ports at once: that only the kernel can do, where root says so. */
async function checkRest(
  context: Context,
  { kind, address }: ForwardRef,
  { rest, network }: { rest: string; network: Config },
): Promise<void> {
  if (kind !== "forwards") throw bad('Invalid option "target_address"');
  checkTarget(address, rest, network);
  const { isLedByKernel } = await import("./networks/host_ports.ts");
  if (isLedByKernel(context, address)) return;
  const why = context.user.uid === 0
    ? "an address of the loopback device"
    : "a user, who may not change the host's";
  throw new DreyError("NOT_SUPPORTED", {
    message: `Cannot forward all ports of "${address}" at once: that cannot be done for ${why} network`,
    hint: "Name the ports: drey network forward port add NETWORK ADDRESS tcp 80,443 TARGET",
  });
}

/** Replaces all of it. */
export async function updateForward(context: Context, ref: ForwardRef, put: Put): Promise<void> {
  await change(context, ref, () => fill(put));
}

/** Changes the parts that are named. */
export async function patchForward(context: Context, ref: ForwardRef, put: Put): Promise<void> {
  await change(context, ref, (old) => ({ ...old, ...put, config: { ...old.config, ...put.config } }));
}

async function change(
  context: Context,
  ref: ForwardRef,
  edit: (old: ForwardRecord) => ForwardRecord,
): Promise<void> {
  const { value, revision } = await load(context, ref);
  const key = keyOf(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, value: await checked(context, ref, edit(value)) },
    happened(context, "updated", ref),
  ]);
  if (!done) throw changedMeanwhile(`"${ref.address}"`);
  await applyOrUndo(context, ref, value);
}

/**
 * Puts a change in force. One that cannot be had, since somebody else has the port, is taken back: it would be in the way
 * of every change that follows, and of the network.
 */
async function applyOrUndo(context: Context, ref: ForwardRef, old: ForwardRecord | undefined): Promise<void> {
  try {
    await apply(context, ref);
  } catch (error) {
    const key = keyOf(ref);
    const { revision } = await load(context, ref);
    await context.store.commit([{ key, revision }], [
      old === undefined ? { key, delete: true } : { key, value: old },
      happened(context, old === undefined ? "deleted" : "updated", ref),
    ]);
    await apply(context, ref).catch((later) => Promise.reject(alsoFailed(error, later)));
    throw error;
  }
}

/** @throws {DreyError} `NOT_FOUND` */
export async function deleteForward(context: Context, ref: ForwardRef): Promise<void> {
  const { revision } = await load(context, ref);
  const key = keyOf(ref);
  const done = await context.store.commit([{ key, revision }], [
    { key, delete: true },
    happened(context, "deleted", ref),
  ]);
  if (!done) throw changedMeanwhile(`"${ref.address}"`);
  await apply(context, ref);
}

async function apply(context: Context, ref: ForwardRef): Promise<void> {
  const { applyForwards } = await import("./networks/forwards.ts");
  await applyForwards(context, ref.network.name);
  if (!isHubWhole(context)) return;
  const { applyRules } = await import("./networks/rules.ts");
  await applyRules(context);
}

function happened(context: Context, what: string, { kind, network, address }: ForwardRef): Write {
  const source = `/1.0/networks/${encodeURIComponent(network.name)}/${kind}/${encodeURIComponent(address)}`;
  const action = `network-${kind === "forwards" ? "forward" : "load-balancer"}-${what}`;
  return lifecycleWrite(context, { project: network.project, action, source });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
