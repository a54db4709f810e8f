// A NIC of ipvlan: it has the MAC address of its parent and addresses of its own, given when it is plugged in. Pure.

import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import type { SharedAddress } from "../../network/host_nics.ts";
import type { Device } from "../../wire/instance.ts";

const families = [
  {
    addresses: "ipv4.address",
    gateway: "ipv4.gateway",
    table: "ipv4.host_table",
    one: 32,
    usual: 24,
    all: "0.0.0.0/0",
  },
  {
    addresses: "ipv6.address",
    gateway: "ipv6.gateway",
    table: "ipv6.host_table",
    one: 128,
    usual: 64,
    all: "::/0",
  },
] as const;

/**
 * What makes of an interface of ipvlan what the device says: in mode l3s, LXD's usual, the host routes for it; in l2
 * it stands on the parent's network.
 *
 * @param name the interface in the instance
 * @param source what it is made from
 */
export function sharedAddress(device: Device, name: string, source: string): SharedAddress {
  const mode = readKey(device, keys.mode) ?? "l3s";
  const plans = families.map((family) => {
    const addresses = listOf(device[family.addresses]);
    const prefix = mode === "l2" ? family.usual : family.one;
    const gateway = device[family.gateway] || (mode === "l2" ? "none" : "auto");
    const nodad = family.one === 128 ? " nodad" : "";
    const way = gateway === "auto" ? "" : ` via ${gateway}`;
    const hasWay = addresses.length > 0 && gateway !== "none";
    const table = device[family.table];
    const routes = addresses.flatMap((address) => [
      `${address}/${family.one} dev lo`,
      ...(table ? [`${address}/${family.one} dev lo table ${table}`] : []),
    ]);
    return {
      addresses,
      set: addresses.map((text) =>
        `addr add ${text.includes("/") ? text : `${text}/${prefix}`} dev ${name}${nodad}`
      ),
      ways: hasWay ? [`route add ${family.all}${way} dev ${name}`] : [],
      routes,
    };
  });
  const inner = [
    ...plans.flatMap(({ set }) => set),
    `link set ${name} up`,
    ...plans.flatMap(({ ways }) => ways),
  ];
  const addresses = plans.flatMap(({ addresses }) => addresses);
  if (mode === "l2" || addresses.length === 0) return { mode, inner, routes: [] };
  return {
    mode,
    inner,
    announced: { parent: source, addresses },
    routes: plans.flatMap(({ routes }) => routes),
  };
}

const listOf = (text = "") =>
  text.split(",").map((part) => part.trim()).filter((part) => part !== "" && part !== "none");
