// Interfaces of the host in instances, as lines of sh: given away, or copied as macvlan or ipvlan, and taken back. Pure.

import { functionLines, type FunctionSettings } from "./sriov.ts";
import { type Announced, announceLines, ipScript, withdrawLines } from "./links.ts";
import { vlanInterface, vlanLines } from "./vlans.ts";

/** An interface of the host for one instance alone. */
export interface HostNic {
  /** another address on the same wire, its parent's address there, or the interface itself */
  type: "macvlan" | "ipvlan" | "physical";
  parent: string;
  /** tag of the VLAN that is taken instead of all of the parent */
  vlan?: number;
  gvrp?: boolean;
  /** its name in the instance */
  name: string;
  hwaddr?: string;
  mtu?: number;
  /** whose an interface is that is made for it */
  owner: string;
  /** what is special about one of ipvlan */
  shared?: SharedAddress;
  /** for a virtual function of a NIC: what the NIC is told of it, and what it is to be told afterwards */
  function?: { now: FunctionSettings; before: FunctionSettings };
}

export interface SharedAddress {
  mode: "l2" | "l3s";
  /** lines of `ip -batch` in the instance */
  inner: readonly string[];
  /** what the parent answers for, which in mode l3s no NIC does itself */
  announced?: Announced;
  /** routes of the host, without which the parent would not answer: it does so for what is not behind itself */
  routes: readonly string[];
}

/** The interface that a NIC is, or is made from. */
export const nicSource = ({ parent, vlan }: HostNic): string => vlanInterface(parent, vlan);

/**
 * Lines of sh that give the interface to a container. A file keeps the container's network namespace while an
 * interface of the host is in it, which would go with it if it is no real one.
 */
export function giveNicLines(nic: HostNic, pid: number, namespaceFile: string): string[] {
  const { parent, vlan, gvrp, owner } = nic;
  return [
    ...(vlan === undefined ? [] : vlanLines({ parent, id: vlan, owner, ...(gvrp ? { gvrp } : {}) })),
    ...(nic.type === "physical" ? moveLines(nic, pid, namespaceFile) : copyLines(nic, pid)),
  ];
}

function moveLines(nic: HostNic, pid: number, namespaceFile: string): string[] {
  const source = nicSource(nic);
  const settings = settingsOf(nic);
  return [
    ...(nic.function === undefined ? [] : functionLines(nic.function.now)),
    `: >${namespaceFile}`,
    `mount --bind /proc/${pid}/ns/net ${namespaceFile}`,
    `ip link set ${source} down`,
    ...(settings === "" ? [] : [`ip link set ${source}${settings}`]),
    `ip link set ${source} netns ${pid} name ${nic.name}`,
  ];
}

function copyLines(nic: HostNic, pid: number): string[] {
  const { type, name, shared } = nic;
  const source = nicSource(nic);
  const kind = type === "ipvlan" ? `ipvlan mode ${shared?.mode ?? "l3s"}` : "macvlan mode bridge";
  // before Linux 6.13 a new interface may not be called as one of where it is made, be it for elsewhere
  const passing = `drey${pid}`;
  return [
    `ip link set ${source} up`,
    `ip link add link ${source} name ${passing}${settingsOf(nic)} type ${kind}`,
    `ip link set ${passing} netns ${pid} name ${name} || { ip link delete ${passing}; exit 1; }`,
    ...(shared === undefined || shared.inner.length === 0
      ? []
      : [`nsenter -t ${pid} -n -- ${ipScript(shared.inner).trimEnd()}`]),
    ...(shared?.announced === undefined ? [] : announceLines(shared.announced)),
    ...(shared?.routes ?? []).map((route) => `ip route replace ${route}`),
  ];
}

function settingsOf({ hwaddr, mtu }: HostNic): string {
  return `${hwaddr === undefined ? "" : ` address ${hwaddr}`}${mtu === undefined ? "" : ` mtu ${mtu}`}`;
}

/** Lines that end what the host does for a NIC that is gone; some of it may have gone before. */
export function forgetNicLines({ shared }: HostNic): string[] {
  return [
    ...(shared?.announced === undefined ? [] : withdrawLines(shared.announced)),
    ...(shared?.routes ?? []).map((route) => `ip route delete ${route} 2>/dev/null || :`),
  ];
}

/** Lines of sh that take it back as it was, into the network namespace of a process. */
export function takeNicLines(
  nic: HostNic,
  before: { hwaddr: string; mtu: number },
  { pid, namespaceFile }: { pid: number; namespaceFile: string },
): string[] {
  const source = nicSource(nic);
  const inside = `nsenter --net=${namespaceFile} ip link`;
  return [
    // the instance may have done something to it
    `if ${inside} show ${nic.name} >/dev/null 2>&1; then`,
    `${inside} set ${nic.name} down`,
    `${inside} set ${nic.name} netns ${pid} name ${source}`,
    `ip link set ${source} address ${before.hwaddr} mtu ${before.mtu}`,
    "fi",
    `umount ${namespaceFile}`,
    `rm -f ${namespaceFile}`,
    ...(nic.function === undefined ? [] : functionLines(nic.function.before)),
  ];
}
