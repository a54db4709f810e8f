// NICs of a virtual machine: what is done in the box for each, and what the machine is given. Pure.

import { socketOf } from "./shares.ts";

/** A NIC: an interface of the box, whose address the guest's NIC has. */
export interface Nic {
  /** interface in the box, made for the container that a box otherwise is */
  name: string;
  hwaddr: string;
  mtu: number;
  /** `tap` where /dev/net/tun can be opened, else frames are read from the interface itself */
  by: "tap" | "packet";
  /** whether the host's kernel moves the frames of a tap device: /dev/vhost-net can be opened */
  byKernel?: boolean;
  /** whether the interface goes on having it: one of the host's, on whose wire nobody listens for another */
  keepsAddress?: boolean;
}

const tapOf = (index: number) => `tap${index}`;
const packetOf = (index: number) => `drey${index}`;
const backendId = (index: number) => `nic${index}`;
const packetSocket = (index: number) => socketOf(`nic${index}`);

/** The machine's way to the frames; words of `netdev_add`, and of `-netdev`. */
export function nicBackend({ by, byKernel }: Nic, index: number): Record<string, unknown> {
  const id = backendId(index);
  if (by === "tap") {
    const tap = { type: "tap", id, ifname: tapOf(index), script: "no", downscript: "no" };
    return byKernel ? { ...tap, vhost: true } : tap;
  }
  const path = packetSocket(index);
  return {
    type: "dgram",
    id,
    local: { type: "unix", path },
    remote: { type: "unix", path: `${path}.peer` },
  };
}

/** What the guest sees of it. */
export const nicDevice = (
  { name, hwaddr, mtu }: Nic,
  { index, bus }: { index: number; bus: string },
) => ({
  driver: "virtio-net-pci",
  netdev: backendId(index),
  mac: hwaddr,
  host_mtu: mtu,
  id: `net-${name}`,
  romfile: "",
  bus,
});

/**
 * What is done in the box for a NIC before the machine has it: its interface and the machine's become ports of a
 * bridge. The kernel would leave checksums and large frames to a NIC that has hands for them, and a machine that reads
 * frames from an interface has none.
 */
export function nicLines({ name, hwaddr, mtu, by, keepsAddress }: Nic, index: number): string[][] {
  const [bridge, tap, inner, outer] = [`br${index}`, tapOf(index), `in${index}`, packetOf(index)];
  const ip = (...words: string[]) => ["prepare", "ip", ...words];
  const link = ["link", "add", bridge, "mtu", String(mtu), "type", "bridge"];
  const port = by === "tap"
    ? [ip("tuntap", "add", "dev", tap, "mode", "tap")]
    : [ip("link", "add", inner, "type", "veth", "peer", "name", outer), ["plain", inner]];
  const mine = by === "tap" ? [tap] : [inner];
  return [
    // it keeps the name, which the hub looks for; the guest alone has its address
    ip("link", "set", name, "down"),
    ...(keepsAddress ? [] : [ip("link", "set", name, "address", guarded(index))]),
    ip(...link, "forward_delay", "0", "mcast_snooping", "0"),
    ...(keepsAddress ? [ip("link", "set", bridge, "address", guarded(index))] : []),
    ...port,
    ...[name, ...mine].map((link) => ip("link", "set", link, "mtu", String(mtu), "master", bridge)),
    // or the bridge would take the guest's frames for its own
    ...(keepsAddress ? [["prepare", "bridge", "fdb", "delete", hwaddr, "dev", name, "master"]] : []),
    ...[name, ...mine, bridge].map((link) => ip("link", "set", link, "up")),
    ...(by === "packet"
      ? [
        ip("link", "set", outer, "mtu", String(mtu)),
        ip("link", "set", outer, "up"),
        ["nic", outer, packetSocket(index)],
      ]
      : []),
  ];
}

/** Undoes that, whatever of it is there; the interface itself belongs to others. */
export function undoNicLines(index: number): string[][] {
  const links = [`br${index}`, tapOf(index), `in${index}`];
  const script = 'for link; do ip link delete "$link" 2>/dev/null || :; done';
  return [["end", `nic${index}`], ["prepare", "sh", "-c", script, "sh", ...links]];
}

/** An address that is locally administered and nobody's. */
const guarded = (index: number) => `02:00:00:00:00:${(index + 1).toString(16).padStart(2, "0")}`;
