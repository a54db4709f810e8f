// VLANs of the host's interfaces, as lines of sh: an interface each, made for whoever needs it first. Pure.

import { sh } from "./shell_words.ts";

export interface Vlan {
  parent: string;
  /** the tag */
  id: number;
  /** whether switches are told of it */
  gvrp?: boolean;
  /** whose the interface is */
  owner: string;
}

/** Name of its interface, the usual one, which may be there already. */
export const vlanInterface = (parent: string, id: number | undefined): string =>
  id === undefined ? parent : `${parent}.${id}`;

/** Lines that make its interface, unless it is there. */
export function vlanLines({ parent, id, gvrp, owner }: Vlan): string[] {
  const name = vlanInterface(parent, id);
  return [
    sh`[ -e /sys/class/net/${name} ] || { ip link add link ${parent} name ${name} type vlan id ${id}` +
    `${gvrp ? " gvrp on" : ""}; ` + sh`ip link set ${name} alias ${owner} up; }`,
  ];
}
