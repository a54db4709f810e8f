// Forwards and load balancers at work: a relay of the host's side for each that the kernel does not lead itself, while
// their network is up.

import type { Context } from "../context.ts";
import { type ForwardKind, forwardRecords, targetsOf } from "../network_forwards.ts";
import { isLedByKernel } from "./host_ports.ts";
import { hubKeeper, networksUp } from "./hub_state.ts";
import { loadNetwork } from "./record.ts";
import { relayNames, startRelay, stopRelay } from "./relays.ts";

const relayName = (network: string, kind: ForwardKind, address: string) =>
  `net.${network}.${kind}.${encodeURIComponent(address)}`;

/** Brings the relays of a network to what is on record; none if it is not up. */
export async function applyForwards(context: Context, network: string): Promise<void> {
  const ref = { project: "default", name: network };
  const wanted = new Set<string>();
  if (networksUp(context).includes(network)) {
    const { value: { config } } = await loadNetwork(context, ref);
    for (const kind of ["forwards", "load-balancers"] as const) {
      for (const { address, record } of await forwardRecords(context, kind, ref)) {
        // several targets take turns, and the kernel does not know which of them answers
        if (kind === "forwards" && isLedByKernel(context, address)) continue;
        const targets = targetsOf(kind, address, record, config).filter(({ targets }) => targets.length > 0);
        if (targets.length === 0) continue;
        const name = relayName(network, kind, address);
        wanted.add(name);
        await startRelay(context, name, {
          pairs: targets.map(({ protocol, port, targets }) => {
            const [first, ...others] = targets.map((target) => ({
              protocol,
              host: target.address,
              port: target.port,
            }));
            return { listen: { protocol, host: address, port }, connect: first!, others };
          }),
          listenAt: "host",
          connectAt: hubKeeper(context),
          own: { uid: undefined, gid: undefined, mode: 0o600 },
          drop: undefined,
          haproxy: false,
        });
      }
    }
  }
  for (const name of relayNames(context)) {
    if (name.startsWith(`net.${network}.`) && !wanted.has(name)) await stopRelay(context, name);
  }
}

/** Ends the relays of all networks: their hub ends. */
export async function stopForwards(context: Context): Promise<void> {
  for (const name of relayNames(context)) if (name.startsWith("net.")) await stopRelay(context, name);
}
