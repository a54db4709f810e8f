// Tunnels of bridges to bridges elsewhere, from keys such as `tunnel.NAME.protocol`.

import { DreyError } from "../errors.ts";
import { parseAddress } from "./address.ts";
import type { Values } from "./key.ts";

export interface Tunnel {
  name: string;
  protocol: "vxlan" | "gre";
  /** both ends; a tunnel of vxlan without them finds the others by multicast */
  ends?: { local: string; remote: string };
  id: number;
  port?: number;
  group: string;
  /** interface that multicast goes out of */
  via?: string;
  ttl: number;
}

const fields = ["protocol", "local", "remote", "id", "port", "group", "interface", "ttl"];

/**
 * The tunnels that a network's configuration speaks of.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function readTunnels(config: Values): Tunnel[] {
  const names = new Set<string>();
  for (const [key, value] of Object.entries(config)) {
    if (!key.startsWith("tunnel.") || !value) continue;
    const [, name = "", field = "", ...more] = key.split(".");
    if (more.length > 0 || !fields.includes(field)) throw bad(`Invalid option "${key}"`);
    if (!/^[A-Za-z0-9_-]{1,11}$/.test(name)) {
      throw bad(`Invalid name of a tunnel "${name}": it has 1 to 11 letters, digits, _ and -`);
    }
    names.add(name);
  }
  return [...names].map((name) =>
    readTunnel(name, (field) => config[`tunnel.${name}.${field}`] || undefined)
  );
}

function readTunnel(name: string, get: (field: string) => string | undefined): Tunnel {
  const wrong = (field: string, wanted: string) =>
    bad(`Invalid value for network "tunnel.${name}.${field}": expected ${wanted}, got "${get(field) ?? ""}"`);
  const protocol = get("protocol");
  if (protocol !== "vxlan" && protocol !== "gre") throw wrong("protocol", "vxlan or gre");
  const number = (field: string, max: number, usual: number) => {
    const text = get(field) ?? String(usual);
    if (!/^\d+$/.test(text) || Number(text) > max) throw wrong(field, `a number up to ${max}`);
    return Number(text);
  };
  for (const field of ["local", "remote", "group"]) {
    const text = get(field);
    if (text !== undefined && parseAddress(text) === undefined) throw wrong(field, "an address");
  }
  const [local, remote, via] = [get("local"), get("remote"), get("interface")];
  if (via !== undefined && !/^[^\s/:]{1,15}$/.test(via)) throw wrong("interface", "the name of an interface");
  if ((local === undefined) !== (remote === undefined) || (protocol === "gre" && local === undefined)) {
    throw wrong(local === undefined ? "local" : "remote", "an address, for both ends of the tunnel");
  }
  const port = number("port", 65_535, 0);
  return {
    name,
    protocol,
    ...(local !== undefined && remote !== undefined ? { ends: { local, remote } } : {}),
    id: number("id", 16_777_215, 1),
    ...(port === 0 ? {} : { port }),
    group: get("group") ?? "239.0.0.1",
    ...(via === undefined ? {} : { via }),
    ttl: number("ttl", 255, 1),
  };
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
