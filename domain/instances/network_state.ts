// Interfaces of a running container, read through its /proc: no process has to enter its namespaces.

import { formatAddress, parseAddress } from "../../config/address.ts";
import { type Route4, routes4 } from "../networks/subnets.ts";
import type { InstanceStateNetwork } from "../../wire/instance.ts";

type Addresses = InstanceStateNetwork["addresses"];

/** What drey knows of an interface from having plugged it in. */
export interface KnownInterface {
  name: string;
  hwaddr: string;
  hostName: string;
  mtu: number;
}

/** Counters and addresses of the interfaces in the network namespace of a process. */
export function readNetworkState(
  pid: number,
  known: readonly KnownInterface[] = [],
): Record<string, InstanceStateNetwork> | null {
  return networkState((path) => read(`/proc/${pid}/${path}`), known);
}

/**
 * The same from the files of a /proc.
 *
 * @param file gives a file by its path below /proc
 */
export function networkState(
  file: (path: string) => string | undefined,
  known: readonly KnownInterface[] = [],
): Record<string, InstanceStateNetwork> | null {
  const table = file("net/dev");
  if (table === undefined) return null;
  const rows = table.split("\n").slice(2).filter((line) => line.includes(":")).map((line) => {
    const [name = "", counters = ""] = line.split(":").map((part) => part.trim());
    return { name, counters: counters.split(/\s+/).map(Number) };
  });
  const v4 = ipv4Addresses(file("net/fib_trie") ?? "", file("net/route") ?? "", {
    only: soleInterface(rows.map(({ name }) => name)),
  });
  const v6 = ipv6Addresses(file("net/if_inet6") ?? "");
  return Object.fromEntries(rows.map(({ name, counters: c }) => {
    const loopback = name === "lo";
    const plugged = known.find((one) => one.name === name);
    const state: InstanceStateNetwork = {
      addresses: [...v4.get(name) ?? [], ...v6.get(name) ?? []],
      counters: {
        bytes_received: c[0] ?? 0,
        packets_received: c[1] ?? 0,
        errors_received: c[2] ?? 0,
        packets_dropped_inbound: c[3] ?? 0,
        bytes_sent: c[8] ?? 0,
        packets_sent: c[9] ?? 0,
        errors_sent: c[10] ?? 0,
        packets_dropped_outbound: c[11] ?? 0,
      },
      hwaddr: plugged?.hwaddr ?? "",
      host_name: plugged?.hostName ?? "",
      mtu: loopback ? 65536 : plugged?.mtu ?? 1500,
      state: "up",
      type: loopback ? "loopback" : "broadcast",
    };
    return [name, state];
  }));
}

/** The one interface besides loopback, if there is just one. */
function soleInterface(names: readonly string[]): string | undefined {
  const others = names.filter((name) => name !== "lo");
  return others.length === 1 ? others[0] : undefined;
}

/**
 * IPv4 addresses by interface. The kernel's table of its own addresses (proc_pid_net(5), `fib_trie`) does not say on
 * which interface they are: that follows from the subnets the interfaces lead to.
 */
export function ipv4Addresses(
  fibTrie: string,
  routes: string,
  { only }: { only?: string | undefined },
): Map<string, Addresses> {
  const own = new Set<string>();
  let address = "";
  for (const line of fibTrie.split("\n")) {
    address = /\|-- (\S+)/.exec(line)?.[1] ?? address;
    if (/\/32 host LOCAL/.test(line)) own.add(address);
  }
  const deviceOf = nearest(routes4(routes).filter(({ isDirect }) => isDirect));
  const found = new Map<string, Addresses>();
  for (const text of own) {
    const place = placeOf(text, deviceOf, only);
    if (place === undefined) continue;
    const { name, prefix } = place;
    const scope = name === "lo" ? "local" : text.startsWith("169.254.") ? "link" : "global";
    addTo(found, name, { family: "inet", address: text, netmask: String(prefix), scope });
  }
  return found;
}

interface Place {
  name: string;
  prefix: number;
}

function placeOf(
  text: string,
  deviceOf: (value: bigint) => Place | undefined,
  only: string | undefined,
): Place | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  if (text.startsWith("127.")) return { name: "lo", prefix: 8 };
  const found = deviceOf(address.value);
  return found ?? (only === undefined ? undefined : { name: only, prefix: 32 });
}

/** Finds the smallest subnet around an address. An instance may give itself very many: none is compared with each. */
function nearest(routes: readonly Route4[]): (value: bigint) => Place | undefined {
  const byPrefix = new Map<number, Map<bigint, string>>();
  const numberIn = (prefix: number, value: bigint) => value >> BigInt(32 - prefix);
  for (const { device, subnet: { value, prefix } } of routes) {
    if (prefix === 32) continue;
    const devices = byPrefix.get(prefix) ?? new Map<bigint, string>();
    const number = numberIn(prefix, value);
    if (!devices.has(number)) devices.set(number, device);
    byPrefix.set(prefix, devices);
  }
  const smallestFirst = [...byPrefix].toSorted(([one], [other]) => other - one);
  return (value) => {
    for (const [prefix, devices] of smallestFirst) {
      const name = devices.get(numberIn(prefix, value));
      if (name !== undefined) return { name, prefix };
    }
    return undefined;
  };
}

function addTo(found: Map<string, Addresses>, name: string, address: Addresses[number]): void {
  const known = found.get(name);
  if (known === undefined) found.set(name, [address]);
  else known.push(address);
}

/** IPv6 addresses by interface, from the lines of `if_inet6`. */
function ipv6Addresses(text: string): Map<string, Addresses> {
  const found = new Map<string, Addresses>();
  for (const line of text.split("\n")) {
    const [hex, , prefix, scope, , device] = line.trim().split(/\s+/);
    if (hex === undefined || device === undefined) continue;
    addTo(found, device, {
      family: "inet6",
      address: formatAddress({ family: 6, value: BigInt(`0x${hex}`) }),
      netmask: String(parseInt(prefix ?? "", 16)),
      scope: { "00": "global", "10": "local", "20": "link" }[scope ?? ""] ?? "global",
    });
  }
  // in no order here; netlink(7) tells those first that lead farthest
  const isLink = ({ scope }: { scope: string }) => Number(scope === "link");
  return new Map([...found].map(([device, all]) => [device, all.toSorted((a, b) => isLink(a) - isLink(b))]));
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // ended meanwhile
  }
}
