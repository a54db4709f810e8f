// The keys of proxy devices, which lead an address on one side to an address on the other.

import type { Device } from "../../wire/instance.ts";
import { parseAddress } from "../address.ts";
import { truthOf } from "../truth.ts";
import * as types from "../types.ts";
import { type DeviceConfig, type DeviceKey, deviceKey, type DeviceProblem } from "./device_key.ts";

/** `tcp:127.0.0.1:80`, `udp:[::1]:53`, `tcp:0.0.0.0:80-89,443`, `unix:/run/x.sock`, `unix:@name`. */
export type ProxyAddress =
  | { protocol: "tcp" | "udp"; host: string; ports: number[] }
  | { protocol: "unix"; path: string };

/** Reads an address of a proxy; undefined if it is none. */
export function parseProxyAddress(text: string): ProxyAddress | undefined {
  const [, protocol, rest = ""] = /^(tcp|udp|unix):(.+)$/s.exec(text) ?? [];
  if (protocol === "unix") {
    return /^[@/][^\0\n\t]{1,106}$/.test(rest) ? { protocol, path: rest } : undefined;
  }
  if (protocol !== "tcp" && protocol !== "udp") return undefined;
  const [, v6, v4, list] = /^(?:\[([^\]]+)\]|([^:]+)):([0-9,-]+)$/.exec(rest) ?? [];
  const host = v6 ?? v4 ?? "";
  const address = parseAddress(host);
  const ports = parsePorts(list ?? "");
  if (address === undefined || (address.family === 6) !== (v6 !== undefined) || ports === undefined) {
    return undefined;
  }
  return { protocol, host, ports };
}

/** The ports of `80-82,443`, in the order they are written; undefined if it is no such list. */
export function parsePorts(text: string): number[] | undefined {
  const ports: number[] = [];
  for (const part of text.split(",")) {
    const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? [];
    const [from, to] = [Number(first), Number(last ?? first)];
    if (!(from >= 1 && to <= 65_535 && from <= to)) return undefined;
    for (let port = from; port <= to; port++) ports.push(port);
  }
  return ports;
}

const address: types.ValueType<ProxyAddress> = {
  name: "string",
  wanted: "an address such as tcp:127.0.0.1:80, udp:[::1]:53 or unix:/run/web.sock",
  parse(text) {
    const value = parseProxyAddress(text);
    return value === undefined ? { problem: `expected ${this.wanted}` } : { value };
  },
};
const id = types.integer({ min: 0, max: 0xffff_fffe });
const mode: types.ValueType<number> = {
  name: "integer",
  wanted: "a file mode such as 0644",
  parse: (text) =>
    /^[0-7]{1,4}$/.test(text) ? { value: parseInt(text, 8) } : { problem: "expected a mode such as 0644" },
};

function row<T>(name: string, type: types.ValueType<T>, short: string, more: Partial<DeviceKey<T>> = {}) {
  return deviceKey<T>({ name, type, live: false, short, ...more });
}

export const listen = row("listen", address, "Address that is listened on", { required: true });
export const connect = row("connect", address, "Address that connections are led to", { required: true });
export const bind = row(
  "bind",
  types.oneOf("host", "instance", "guest", "container"),
  "Side that listens: host, or instance",
  { default: "host" },
);
export const nat = row("nat", types.bool, "Whether the address of the instance itself is connected to", {
  default: "false",
});
export const proxyProtocol = row(
  "proxy_protocol",
  types.bool,
  "Whether the client's address is sent ahead, by HAProxy's protocol",
  { default: "false" },
);
export const uid = row("uid", id, "Owner of a unix socket that is listened on", { default: "0" });
export const gid = row("gid", id, "Group of a unix socket that is listened on", { default: "0" });
export const socketMode = row("mode", mode, "Mode of a unix socket that is listened on", { default: "0644" });
export const securityUid = row("security.uid", id, "User in the instance that connections come from", {
  default: "0",
});
export const securityGid = row("security.gid", id, "Group in the instance that connections come from", {
  default: "0",
});

export const proxy: DeviceConfig = {
  type: "proxy",
  short: "An address on one side that leads to the other",
  keys: [bind, connect, gid, listen, socketMode, nat, proxyProtocol, securityGid, securityUid, uid],
  toCome: [],
  problem,
};

function problem(device: Device): DeviceProblem | undefined {
  const wrong = (found: string): DeviceProblem => ({ kind: "wrong", found });
  const [from, to] = [parseProxyAddress(device["listen"] ?? ""), parseProxyAddress(device["connect"] ?? "")];
  if (from === undefined || to === undefined) return undefined; // said by the keys themselves
  const isNat = truthOf(device["nat"] ?? "") === true;
  if ((from.protocol === "udp") !== (to.protocol === "udp")) return wrong("udp can only be led to udp");
  if (from.protocol !== "unix" && to.protocol !== "unix") {
    const [many, few] = [from.ports.length, to.ports.length];
    if (few !== 1 && many !== few) return wrong("the numbers of ports listened on and connected to differ");
  }
  if (from.protocol === "unix" && to.protocol !== "unix" && to.ports.length > 1) {
    return wrong("a unix socket can only be led to one port");
  }
  const owned = ["uid", "gid", "mode"].find((key) => device[key]);
  const isFile = from.protocol === "unix" && !from.path.startsWith("@");
  if (owned !== undefined && !isFile) return wrong(`"${owned}" is for a unix socket that is a file`);
  if (isNat && (from.protocol === "unix" || to.protocol === "unix" || from.protocol !== to.protocol)) {
    return wrong('"nat" is for tcp and udp, the same on both sides');
  }
  if (isNat && (device["bind"] || "host") !== "host") return wrong('"nat" needs bind=host');
  if (isNat && device["proxy_protocol"] === "true") {
    return wrong('"nat" and "proxy_protocol" exclude each other');
  }
  return undefined;
}
