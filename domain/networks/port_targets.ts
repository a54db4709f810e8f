// What forwards and load balancers lead where, in one form for both: listened ports, each with its targets. Pure.

import { contains, parseAddress } from "../../config/address.ts";
import { parsePorts } from "../../config/devices/proxy.ts";
import { DreyError } from "../../errors.ts";
import type { Config } from "../../wire/instance.ts";
import type { BalancerBackend, BalancerPort, ForwardPort } from "../../wire/network_forward.ts";
import { subnetOf } from "./plan.ts";

export interface PortTargets {
  protocol: "tcp" | "udp";
  port: number;
  targets: { address: string; port: number }[];
}

/** The ports of a forward. @throws {DreyError} `BAD_REQUEST` */
export function forwardTargets(
  listen: string,
  ports: readonly ForwardPort[],
  network: Config,
): PortTargets[] {
  return distinct(ports.flatMap(({ protocol, listen_port, target_address, target_port }) => {
    const from = portsOf(listen_port, "listen");
    return paired(protocol, from, {
      address: checkTarget(listen, target_address, network),
      ports: target_port,
    });
  }));
}

/** The ports of a load balancer. @throws {DreyError} `BAD_REQUEST` */
export function balancerTargets(
  listen: string,
  { ports, backends }: { ports: readonly BalancerPort[]; backends: readonly BalancerBackend[] },
  network: Config,
): PortTargets[] {
  const names = new Set(backends.map(({ name }) => name));
  if (names.size < backends.length) throw bad("Two backends have the same name");
  return distinct(ports.flatMap(({ protocol, listen_port, target_backend }) => {
    const from = portsOf(listen_port, "listen");
    const all = target_backend.map((wanted) => {
      const backend = backends.find(({ name }) => name === wanted);
      if (backend === undefined) throw bad(`There is no backend "${wanted}"`);
      const address = checkTarget(listen, backend.target_address, network);
      return paired(protocol, from, { address, ports: backend.target_port });
    });
    return from.map((port, index): PortTargets => ({
      protocol: protocolOf(protocol),
      port,
      targets: all.flatMap((backend) => backend[index]?.targets ?? []),
    }));
  }));
}

function paired(
  protocol: string,
  from: readonly number[],
  to: { address: string; ports: string | undefined },
): PortTargets[] {
  const ports = to.ports ? portsOf(to.ports, "target") : [...from];
  if (ports.length !== 1 && ports.length !== from.length) {
    throw bad("The numbers of ports listened on and led to differ");
  }
  return from.map((port, index) => ({
    protocol: protocolOf(protocol),
    port,
    targets: [{ address: to.address, port: ports[index] ?? ports[0] ?? port }],
  }));
}

function protocolOf(text: string): "tcp" | "udp" {
  if (text === "tcp" || text === "udp") return text;
  throw bad(`Invalid protocol "${text}": expected tcp or udp`);
}

function portsOf(text: string, which: string): number[] {
  const ports = parsePorts(text);
  if (ports === undefined) throw bad(`Invalid ${which} port "${text}"`);
  return ports;
}

/**
 * Holds an address that is led to against its network, and gives it back.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function checkTarget(listen: string, text: string, network: Config): string {
  const [from, to] = [parseAddress(listen), parseAddress(text)];
  if (to === undefined || to.family !== from?.family) throw bad(`Invalid target address "${text}"`);
  const subnet = subnetOf(network, to.family);
  if (subnet !== undefined && contains(subnet, to)) return text;
  throw bad(`Target address "${text}" is not within the network's subnet`);
}

function distinct(all: PortTargets[]): PortTargets[] {
  const seen = new Set<string>();
  for (const { protocol, port } of all) {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) throw bad(`Duplicate listen port ${key}`);
    seen.add(key);
  }
  return all;
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
