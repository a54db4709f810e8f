// Which subnets a network gets: those that nobody has, of the host's or of other networks.

import { overlaps, parseSubnet, type Subnet } from "../../config/address.ts";
import type { NetworkType } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { networkRecords } from "./record.ts";
import { randomHwaddr } from "./hwaddr.ts";
import { freeIpv4, freeIpv6, hasIpv6, hostSubnets } from "./subnets.ts";

/** What a new bridge gets where its configuration leaves it open: LXD's defaults, with free subnets. */
export async function filled(context: Context, type: NetworkType, given: Config): Promise<Config> {
  if (type !== "bridge") return given;
  const used = [...hostSubnets(), ...await networkSubnets(context)];
  const v4 = given["ipv4.address"] ?? "auto";
  const v6 = given["ipv6.address"] ?? (hasIpv6() ? "auto" : "none");
  return {
    ...(v4 === "auto" ? { "ipv4.nat": "true" } : {}),
    ...(v6 === "auto" ? { "ipv6.nat": "true" } : {}),
    ...given,
    "ipv4.address": v4 === "auto" ? freeIpv4(used) : v4,
    "ipv6.address": v6 === "auto" ? freeIpv6(used) : v6,
    ...(given["bridge.hwaddr"] ? {} : { "volatile.bridge.hwaddr": randomHwaddr() }),
  };
}

/** `auto` means a new free subnet whenever it is set; unset means none once a network is there. */
export async function reopened(context: Context, type: NetworkType, config: Config): Promise<Config> {
  if (type !== "bridge") return config;
  const isOpen = ["ipv4.address", "ipv6.address"].some((name) => config[name] === "auto");
  if (!isOpen) return config;
  const used = [...hostSubnets(), ...await networkSubnets(context)];
  return {
    ...config,
    ...(config["ipv4.address"] === "auto" ? { "ipv4.address": freeIpv4(used) } : {}),
    ...(config["ipv6.address"] === "auto" ? { "ipv6.address": freeIpv6(used) } : {}),
  };
}

async function networkSubnets(context: Context, except?: Ref): Promise<Subnet[]> {
  const records = await networkRecords(context);
  return records.filter(({ ref }) => ref.name !== except?.name || ref.project !== except.project).flatMap((
    { record: { config } },
  ) =>
    [config["ipv4.address"], config["ipv6.address"]].map((text) => parseSubnet(text ?? "")).filter((subnet) =>
      subnet !== undefined
    )
  );
}

/**
 * Two networks of one hub with one subnet would answer for each other.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export async function refuseOverlap(context: Context, ref: Ref, config: Config): Promise<void> {
  const others = await networkSubnets(context, ref);
  for (const name of ["ipv4.address", "ipv6.address"]) {
    const subnet = parseSubnet(config[name] ?? "");
    if (subnet === undefined || !others.some((other) => overlaps(subnet, other))) continue;
    throw new DreyError("BAD_REQUEST", {
      message: `Invalid value for network "${name}": "${config[name]}" is in use by another network`,
    });
  }
}
