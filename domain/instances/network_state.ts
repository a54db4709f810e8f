// Interfaces of a running container, read through its /proc: no process has to enter its namespaces.

import { contains, formatAddress, parseAddress, type Subnet } from "../../config/address.ts";
import { routes4 } from "../networks/subnets.ts";
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
  const subnets = routes4(routes);
  const found = new Map<string, Addresses>();
  for (const text of own) {
    const place = placeOf(text, subnets, only);
    if (place === undefined) continue;
    const { name, prefix } = place;
    const scope = name === "lo" ? "local" : text.startsWith("169.254.") ? "link" : "global";
    const entry = { family: "inet" as const, address: text, netmask: String(prefix), scope };
    found.set(name, [...found.get(name) ?? [], entry]);
  }
  return found;
}

function placeOf(
  text: string,
  subnets: readonly { device: string; subnet: Subnet; isDirect: boolean }[],
  only: string | undefined,
): { name: string; prefix: number } | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  if (text.startsWith("127.")) return { name: "lo", prefix: 8 };
  const around = subnets.filter(({ subnet, isDirect }) =>
    isDirect && subnet.prefix < 32 && contains(subnet, address)
  );
  const nearest = around.toSorted((a, b) => b.subnet.prefix - a.subnet.prefix)[0];
  if (nearest !== undefined) return { name: nearest.device, prefix: nearest.subnet.prefix };
  return only === undefined ? undefined : { name: only, prefix: 32 };
}

/** IPv6 addresses by interface, from the lines of `if_inet6`. */
function ipv6Addresses(text: string): Map<string, Addresses> {
  const found = new Map<string, Addresses>();
  for (const line of text.split("\n")) {
    const [hex, , prefix, scope, , device] = line.trim().split(/\s+/);
    if (hex === undefined || device === undefined) continue;
    found.set(device, [...found.get(device) ?? [], {
      family: "inet6",
      address: formatAddress({ family: 6, value: BigInt(`0x${hex}`) }),
      netmask: String(parseInt(prefix ?? "", 16)),
      scope: { "00": "global", "10": "local", "20": "link" }[scope ?? ""] ?? "global",
    }]);
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
