// The NICs of instances on a managed network, and what no two of them may share there: addresses, and a name.

import { formatAddress, parseAddress } from "../../config/address.ts";
import { readKey } from "../../config/key.ts";
import { dnsMode } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import type { Config, Device, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { expand } from "../instances/expand.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { dnsNameOf } from "./nic_plan.ts";

interface Nic {
  ref: Ref;
  device: string;
  /** static ones, or the one it was given to keep */
  addresses: readonly { family: 4 | 6; address: string }[];
  hwaddr: string;
  /** what its packets are tagged with; in different VLANs NICs do not meet */
  vlan: string;
}

/** A static address that a NIC of an instance has. */
export interface Claim {
  ref: Ref;
  device: string;
  family: 4 | 6;
  address: string;
  hwaddr: string;
}

/** Static addresses of all instances on a network, whether they run or not. */
export async function claims(context: Context, network: string): Promise<Claim[]> {
  return (await nicsOn(context, network)).flatMap(({ ref, device, addresses, hwaddr }) =>
    addresses.map((one) => ({ ref, device, hwaddr, ...one }))
  );
}

async function nicsOn(context: Context, network: string): Promise<Nic[]> {
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  const found = entries.filter(({ key }) => key.length === 3).map(async ({ key, value }) => {
    const ref = { project: key[1] ?? "", name: key[2] ?? "" };
    const { devices, config } = await expand(context, ref.project, value);
    return Object.entries(devices).filter(([, says]) => isOn(says, network)).map(([device, says]) =>
      nicOf(ref, { device, says, config })
    );
  });
  return (await Promise.all(found)).flat();
}

const isOn = (says: Device, network: string) =>
  says["type"] === "nic" && (says["network"] || says["parent"]) === network;

const vlanOf = (says: Device) => says["vlan"] ?? "";

function nicOf(
  ref: Ref,
  { device, says, config }: { device: string; says: Device; config: Config },
): Nic {
  const given = {
    4: says["ipv4.address"] || config[`volatile.${device}.ipv4.address`],
    6: says["ipv6.address"],
  };
  const addresses = ([4, 6] as const).flatMap((family) => {
    const address = given[family];
    return address && address !== "none" ? [{ family, address }] : [];
  });
  const hwaddr = says["hwaddr"] || config[`volatile.${device}.hwaddr`] || "";
  return { ref, device, addresses, hwaddr, vlan: vlanOf(says) };
}

/** A NIC that is to be on a network. */
export interface Wanted {
  ref: Ref;
  /** name of the device */
  name: string;
  device: Device;
  /** all devices the instance shall have */
  devices: Devices;
}

/**
 * Fails if another NIC on the network, and in its VLAN, has an address of this one, or its name.
 *
 * @throws {DreyError} `CONFLICT`
 */
export async function refuseShared(
  context: Context,
  wanted: Wanted,
  { bridge, network }: { bridge: string; network: Config },
): Promise<void> {
  const { ref, name, device, devices } = wanted;
  const isOwn = (other: Ref) => other.project === ref.project && other.name === ref.name;
  // what the instance itself has shall be what is asked for, whatever is on record
  const siblings = Object.entries(devices).filter(([other, says]) => other !== name && isOn(says, bridge))
    .map(([other, says]) => nicOf(ref, { device: other, says, config: {} }));
  const others = [
    ...siblings,
    ...(await nicsOn(context, bridge)).filter((nic) => !isOwn(nic.ref)),
  ].filter(({ vlan }) => vlan === vlanOf(device));
  refuseSameAddress(device, others);
  const dnsName = dnsNameOf(ref);
  const twin = others.find((other) => isSameName(dnsName, dnsNameOf(other.ref)));
  if (twin === undefined || readKey(network, dnsMode) !== "managed") return;
  throw new DreyError("CONFLICT", {
    message: `Device "${name}": the DNS name "${dnsName}" is already used on network "${bridge}" by ` +
      `"${twin.device}" of "${twin.ref.name}"`,
    hint: "Two NICs of one name are possible on a network with dns.mode=none",
  });
}

function refuseSameAddress(device: Device, others: readonly Nic[]): void {
  const hwaddr = device["hwaddr"]?.toLowerCase();
  for (const other of others) {
    const shared = other.addresses.find(({ address }) =>
      isSame(address, device["ipv4.address"]) || isSame(address, device["ipv6.address"])
    );
    if (shared !== undefined) throw defined(`IP address "${shared.address}"`, other);
    if (hwaddr && hwaddr === other.hwaddr.toLowerCase()) throw defined(`MAC address "${hwaddr}"`, other);
  }
}

const isSameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

const isSame = (address: string, other: string | undefined) =>
  other !== undefined && other !== "" && other !== "none" && comparable(address) === comparable(other);

/** The one way to write an address, which can be written in several. */
function comparable(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

const defined = (what: string, { device, ref }: Pick<Nic, "device" | "ref">) =>
  new DreyError("CONFLICT", {
    message: `${what} is already defined on another NIC: "${device}" of "${ref.name}"`,
  });

/**
 * Fails if another instance has an address of a NIC that is about to be plugged in, whether it runs or not: a copy
 * has those of its original until it is told otherwise.
 *
 * @throws {DreyError} `CONFLICT`
 */
export async function refuseTaken(
  context: Context,
  { ref, network }: { ref: Ref; network?: string | undefined },
  device: Device,
): Promise<void> {
  if (network === undefined) return;
  const others = (await nicsOn(context, network)).filter(({ ref: { project, name }, vlan }) =>
    (project !== ref.project || name !== ref.name) && vlan === vlanOf(device)
  );
  refuseSameAddress(device, others);
}
