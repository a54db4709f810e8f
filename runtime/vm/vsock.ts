// The vsock device of a virtual machine, as data: a second way to its agent, where the host's kernel carries the bytes.

import { portId } from "./ports.ts";

export interface Vsock {
  /** by which the host knows the guest; vsock(7) */
  cid: number;
}

/** The word that stands for the descriptor of the host's node, with the guest's number on it. */
const node = "{fd:vsock}";

/** What the keeper reads of it: the number, and the device that it plugs in when the guest has waited. */
export function vsockLines(vsock: Vsock | undefined, port: number): string[][] {
  if (vsock === undefined) return [];
  const { cid } = vsock;
  const device = {
    driver: "vhost-vsock-pci",
    id: "vsock",
    "guest-cid": cid,
    vhostfd: node,
    bus: portId(port),
  };
  return [["vsock", String(cid), JSON.stringify(device)]];
}
