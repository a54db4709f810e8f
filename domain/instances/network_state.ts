// Interfaces of a running container, read through its /proc and its sysfs.

import type { InstanceStateNetwork } from "../../wire/instance.ts";

/** Counters and addresses of the interfaces in the network namespace of a process. */
export function readNetworkState(pid: number): Record<string, InstanceStateNetwork> | null {
  const table = read(`/proc/${pid}/net/dev`);
  if (table === undefined) return null;
  const rows = table.split("\n").slice(2).filter((line) => line.includes(":"));
  return Object.fromEntries(rows.map((line) => {
    const [name = "", counters = ""] = line.split(":").map((part) => part.trim());
    return [name, interfaceState(pid, name, counters.split(/\s+/).map(Number))];
  }));
}

function interfaceState(pid: number, name: string, c: number[]): InstanceStateNetwork {
  const loopback = name === "lo";
  return {
    addresses: addresses(pid, name),
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
    hwaddr: "",
    host_name: "",
    mtu: loopback ? 65536 : 1500,
    state: "up",
    type: loopback ? "loopback" : "broadcast",
  };
}

function addresses(pid: number, name: string): InstanceStateNetwork["addresses"] {
  const v6 = (read(`/proc/${pid}/net/if_inet6`) ?? "").split("\n").flatMap((line) => {
    const [hex, , prefix, scope, , device] = line.trim().split(/\s+/);
    if (hex === undefined || device !== name) return [];
    return [{
      family: "inet6" as const,
      address: shortenIpv6(hex),
      netmask: String(parseInt(prefix ?? "", 16)),
      scope: { "00": "global", "10": "local", "20": "link" }[scope ?? ""] ?? "global",
    }];
  });
  const v4 = name === "lo"
    ? [{ family: "inet" as const, address: "127.0.0.1", netmask: "8", scope: "local" }]
    : [];
  return [...v4, ...v6];
}

/** 32 hexadecimal digits as RFC 5952 writes them. */
export function shortenIpv6(hex: string): string {
  const words = (hex.match(/.{4}/g) ?? []).map((word) => parseInt(word, 16).toString(16));
  // the leftmost of the longest runs of zeros, two or more, becomes "::"
  for (let length = words.length; length > 1; length--) {
    const start = words.findIndex((_, at) =>
      at + length <= words.length && words.slice(at, at + length).every(isZero)
    );
    if (start >= 0) return `${words.slice(0, start).join(":")}::${words.slice(start + length).join(":")}`;
  }
  return words.join(":");
}

const isZero = (word: string) => word === "0";

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // ended meanwhile
  }
}
