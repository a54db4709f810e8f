// Interfaces of the host in instances, as lines of sh: given away, or copied as macvlan, and taken back. Pure.

/** An interface of the host for one instance alone. */
export interface HostCard {
  /** another address on the same wire, or the interface itself */
  type: "macvlan" | "physical";
  parent: string;
  /** tag of the VLAN that is taken instead of all of the parent */
  vlan?: number;
  /** its name in the instance */
  name: string;
  hwaddr?: string;
  mtu?: number;
  /** whose an interface is that is made for it */
  owner: string;
}

/** The interface that a card is, or is made from. */
export const cardSource = ({ parent, vlan }: HostCard): string =>
  vlan === undefined ? parent : `${parent}.${vlan}`;

/**
 * Lines of sh that give the interface to a container. A file keeps the container's network namespace while an
 * interface of the host is in it, which would go with it if it is no real one.
 */
export function giveCardLines(card: HostCard, pid: number, namespaceFile: string): string[] {
  const { type, parent, vlan, name, hwaddr, mtu, owner } = card;
  const source = cardSource(card);
  const settings = `${hwaddr === undefined ? "" : ` address ${hwaddr}`}${
    mtu === undefined ? "" : ` mtu ${mtu}`
  }`;
  return [
    ...(vlan === undefined ? [] : [
      `[ -e /sys/class/net/${source} ] || { ip link add link ${parent} name ${source} type vlan id ${vlan}; ` +
      `ip link set ${source} alias ${owner}; }`,
    ]),
    ...(type === "macvlan"
      ? [
        `ip link set ${source} up`,
        `ip link add link ${source} name ${name}${settings} netns ${pid} type macvlan mode bridge`,
      ]
      : [
        `: >${namespaceFile}`,
        `mount --bind /proc/${pid}/ns/net ${namespaceFile}`,
        `ip link set ${source} down`,
        ...(settings === "" ? [] : [`ip link set ${source}${settings}`]),
        `ip link set ${source} netns ${pid} name ${name}`,
      ]),
  ];
}

/** Lines of sh that take it back as it was, into the network namespace of a process. */
export function takeCardLines(
  card: HostCard,
  before: { hwaddr: string; mtu: number },
  { pid, namespaceFile }: { pid: number; namespaceFile: string },
): string[] {
  const source = cardSource(card);
  const inside = `nsenter --net=${namespaceFile} ip link`;
  return [
    // the instance may have done something to it
    `if ${inside} show ${card.name} >/dev/null 2>&1; then`,
    `${inside} set ${card.name} down`,
    `${inside} set ${card.name} netns ${pid} name ${source}`,
    `ip link set ${source} address ${before.hwaddr} mtu ${before.mtu}`,
    "fi",
    `umount ${namespaceFile}`,
    `rm -f ${namespaceFile}`,
  ];
}
