// Device nodes of the host for the box of a virtual machine, whose programs are nobody the host knows: a node is of use
// where everybody may open it, or a group that the user is in.

import type { Nic } from "../../runtime/vm/nics.ts";
import { canOpen } from "../../sys/present.ts";
import { ownGroups } from "../../sys/processes.ts";

/** What a machine's programs open, where they may. */
export const machineNodes = ["kvm", "net/tun", "vhost-net", "vhost-vsock"];

/** Whether the box's programs may open a node below /dev. */
export function isOpenInBox(node: string): boolean {
  const facts = look(node);
  if (facts === undefined) return false;
  if ((facts.mode & 0o006) === 0o006) return true;
  return (facts.mode & 0o060) === 0o060 && (Deno.uid() === 0 || ownGroups().includes(facts.gid));
}

/** Groups that root gives the box's programs for their devices; a user's processes have theirs already. */
export function groupsForDevices(): number[] {
  if (Deno.uid() !== 0) return [];
  const found = machineNodes.filter(isOpenInBox).map(look).filter((facts) => facts !== undefined);
  return [...new Set(found.filter(({ mode }) => (mode & 0o006) !== 0o006).map(({ gid }) => gid))];
}

/** The NIC of a virtual machine that an interface of its box becomes. */
export function machineNic({ name, hwaddr, mtu }: Pick<Nic, "name" | "hwaddr" | "mtu">): Nic {
  const nic = { name, hwaddr, mtu };
  if (!isOpenInBox("net/tun")) return { ...nic, by: "packet" };
  // the node may be there without the module; QEMU 7.2 ends where it cannot open it
  return { ...nic, by: "tap", byKernel: isOpenInBox("vhost-net") && canOpen("/dev/vhost-net") };
}

function look(node: string): { mode: number; gid: number } | undefined {
  try {
    const { mode, gid } = Deno.statSync(`/dev/${node}`);
    return { mode: mode ?? 0, gid: gid ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
