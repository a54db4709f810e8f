// Forwards and load balancers at work: a relay of the host's side for each that the kernel does not lead itself, while
// their network is up.

import type { RelayPlan } from "../../network/relay.pl.ts";
import { DreyError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { type ForwardKind, forwardRecords, targetsOf } from "../network_forwards.ts";
import { isLedByKernel } from "./host_ports.ts";
import { hubKeeper, networksUp } from "./hub_state.ts";
import { loadNetwork } from "./record.ts";
import { relayNames, startRelay, stopRelay, tryRelay } from "./relays.ts";

const relayName = (network: string, kind: ForwardKind, address: string) =>
  `net.${network}.${kind}.${encodeURIComponent(address)}`;

/** The network a relay is for; undefined for one of a proxy device, whose instance may well be called `net`. */
export function networkOfRelay(name: string): string | undefined {
  // names of networks have dots too
  return /^net\.(.+)\.(?:forwards|load-balancers)\./.exec(name)?.[1];
}

/** Between the look at what is wanted and the end of what is not, nobody else may come to want something. */
const lockForwards = (context: Context) => context.store.lock(["network-forwards"]);

/**
 * Brings the relays of a network to what is on record; none if it is not up. One that is refused does not keep the
 * others from being started.
 *
 * @param options.keepTrying to start what was refused as soon as that can be
 * @throws {DreyError} `CONFLICT`, `FORBIDDEN`: why the first of those that were refused was
 */
export async function applyForwards(
  context: Context,
  network: string,
  { keepTrying = false } = {},
): Promise<void> {
  await using _lock = await lockForwards(context);
  const wanted = networksUp(context).includes(network) ? await plannedRelays(context, network) : new Map();
  // first, since a port may have gone from one of them to another
  for (const name of relayNames(context)) {
    if (networkOfRelay(name) === network && !wanted.has(name)) await stopRelay(context, name);
  }
  const refused: unknown[] = [];
  for (const [name, plan] of wanted) {
    try {
      await startRelay(context, name, plan);
    } catch (error) {
      refused.push(error);
      if (keepTrying && error instanceof DreyError) await tryRelay(context, name, plan);
    }
  }
  if (refused.length > 0) throw refused[0];
}

/** The relays of a network that is up, by name. */
async function plannedRelays(context: Context, network: string): Promise<Map<string, RelayPlan>> {
  const ref = { project: "default", name: network };
  const { value: { config } } = await loadNetwork(context, ref);
  const planned = new Map<string, RelayPlan>();
  for (const kind of ["forwards", "load-balancers"] as const) {
    for (const { address, record } of await forwardRecords(context, kind, ref)) {
      // several targets take turns, and the kernel does not know which of them answers
      if (kind === "forwards" && isLedByKernel(context, address)) continue;
      const pairs = targetsOf(kind, address, record, config).flatMap(({ protocol, port, targets }) => {
        const [connect, ...others] = targets.map(({ address: host, port }) => ({ protocol, host, port }));
        return connect === undefined ? [] : [{ listen: { protocol, host: address, port }, connect, others }];
      });
      if (pairs.length === 0) continue;
      planned.set(relayName(network, kind, address), {
        pairs,
        listenAt: "host",
        connectAt: hubKeeper(context),
        own: { uid: undefined, gid: undefined, mode: 0o600 },
        drop: undefined,
        haproxy: false,
      });
    }
  }
  return planned;
}

/** Ends the relays of all networks: their hub ends. */
export async function stopForwards(context: Context): Promise<void> {
  await using _lock = await lockForwards(context);
  for (const name of relayNames(context)) {
    if (networkOfRelay(name) !== undefined) await stopRelay(context, name);
  }
}
