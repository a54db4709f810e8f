// Network cards that are several (SR-IOV): the virtual functions of a card, each of which one instance may have. Read
// from sysfs, and set by the card itself, ip-link(8) "vf".

import { exists, namesIn, readIfThere } from "../sys/present.ts";

/** A virtual function that nobody uses. */
export interface FreeFunction {
  index: number;
  /** its interface on the host */
  interface: string;
}

/** What a card is told of one of its functions. */
export interface FunctionSettings {
  /** the card's interface */
  card: string;
  index: number;
  /** address that the instance cannot change */
  hwaddr?: string;
  /** tag of the VLAN it is in; 0 for none */
  vlan: number;
  /** whether frames from other addresses are dropped */
  isChecked: boolean;
}

const devicePath = (sysfs: string, card: string) => `${sysfs}/class/net/${card}/device`;

/** Whether an interface is that of a card with virtual functions. */
export const hasFunctions = (card: string, sysfs = "/sys"): boolean =>
  Number(readIfThere(`${devicePath(sysfs, card)}/sriov_totalvfs`) ?? 0) > 0;

/** Switches the virtual functions of a card on, as many as it can have, unless some are on: those would end. */
export function switchOnFunctions(card: string, sysfs = "/sys"): void {
  const path = devicePath(sysfs, card);
  const now = readIfThere(`${path}/sriov_numvfs`)?.trim();
  const total = readIfThere(`${path}/sriov_totalvfs`)?.trim() ?? "0";
  if (now === "0" && total !== "0") Deno.writeTextFileSync(`${path}/sriov_numvfs`, total);
}

/** A function whose interface is on the host, not up, and none of those that are taken; the lowest. */
export function freeFunction(
  card: string,
  taken: readonly string[],
  sysfs = "/sys",
): FreeFunction | undefined {
  const path = devicePath(sysfs, card);
  const indexes = namesIn(path).flatMap((name) => /^virtfn(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return indexes.sort((a, b) => a - b).flatMap((index) =>
    namesIn(`${path}/virtfn${index}/net`).map((name) => ({ index, interface: name }))
  ).find(({ interface: name }) => !taken.includes(name) && !isUp(name, sysfs));
}

/** IFF_UP; one that went meanwhile is not free either. */
function isUp(name: string, sysfs: string): boolean {
  const flags = readIfThere(`${sysfs}/class/net/${name}/flags`);
  return flags === undefined ? exists(`${sysfs}/class/net/${name}`) : (Number(flags) & 1) === 1;
}

/** What a card says of a function, from `ip -json link show`; undefined if it knows of none such. */
export function functionSettings(card: string, index: number, json: string): FunctionSettings | undefined {
  const [link] = JSON.parse(json) as {
    vfinfo_list?: { vf: number; address?: string; vlan_list?: { vlan?: number }[]; spoofchk?: boolean }[];
  }[];
  const found = link?.vfinfo_list?.find(({ vf }) => vf === index);
  if (found === undefined) return undefined;
  return {
    card,
    index,
    ...(found.address === undefined ? {} : { hwaddr: found.address }),
    vlan: found.vlan_list?.[0]?.vlan ?? 0,
    isChecked: found.spoofchk ?? false,
  };
}

/** Lines of sh that tell the card; some cards cannot check, and say so, which counts where it is asked for. */
export function functionLines({ card, index, hwaddr, vlan, isChecked }: FunctionSettings): string[] {
  const set = `ip link set ${card} vf ${index}`;
  return [
    `${set} vlan ${vlan}`,
    ...(hwaddr === undefined ? [] : [`${set} mac ${hwaddr}`]),
    isChecked ? `${set} spoofchk on` : `${set} spoofchk off 2>/dev/null || :`,
  ];
}
