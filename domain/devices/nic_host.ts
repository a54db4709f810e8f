// NICs that are interfaces of the host, or made from one: root gives them to one instance, and they come back when it
// ends. The hub has no part in them.

import { join } from "@std/path";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import {
  forgetNicLines,
  giveNicLines,
  type HostNic,
  nicSource,
  takeNicLines,
} from "../../network/host_nics.ts";
import { vlanInterface } from "../../network/vlans.ts";
import { exists, namesIn, readIfThere, readJsonIfThere, removeIfThere } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { nicName, pluggedNics } from "../networks/nic_files.ts";
import { type HostKind, interfaceNameOf, type NicFacts } from "../networks/nic_plan.ts";
import { sharedAddress } from "../networks/shared_address.ts";
import { nicOwner } from "./nic_kind.ts";

/** A NIC, before one of several functions is chosen to be it. */
export interface PlannedNic {
  nic: HostNic;
  /** address that the NIC's interface will have */
  hwaddr: string;
  /** what a function of the parent is to be told */
  function?: { hwaddr: string; vlan: number; isChecked: boolean };
}

/** What is remembered of a NIC while its instance has it. */
interface GivenNic {
  nic: HostNic;
  /** what an interface of the host was before */
  before: { hwaddr: string; mtu: number } | undefined;
}

const directory = (context: Context) => join(context.paths.run, "host-nics");
const fileOf = (context: Context, ref: Ref, device: string) => join(directory(context), nicName(ref, device));

/** What is made from the host's interfaces, and whether it is still used, is one question at a time. */
const lockNics = (context: Context) => context.store.lock(["host-nics"]);

/** The NIC, and what the instance's configuration is to remember of it. */
export function planHostNic(
  context: Context,
  facts: NicFacts & { kind: HostKind },
): PlannedNic & { volatile: Config } {
  const { device, kind: { type, vlan, mtu: usual, ...kind }, name, config, random } = facts;
  const interfaceName = interfaceNameOf(facts);
  const known = config[`volatile.${name}.hwaddr`];
  // an interface that moves keeps its own address unless told otherwise; one of ipvlan has its parent's
  const isOwn = type === "macvlan" || type === "sriov";
  const hwaddr = (device["hwaddr"] || (isOwn ? known || random.hwaddr : undefined))?.toLowerCase();
  const mtu = readKey(device, keys.mtu) ?? usual;
  const nic: HostNic = {
    ...kind,
    type: type === "sriov" ? "physical" : type,
    name: interfaceName,
    ...(vlan === undefined || type === "sriov" ? {} : { vlan }),
    ...(hwaddr === undefined ? {} : { hwaddr }),
    ...(mtu === undefined ? {} : { mtu }),
    owner: nicOwner(context),
    ...(type === "ipvlan"
      ? { shared: sharedAddress(device, interfaceName, vlanInterface(kind.parent, vlan)) }
      : {}),
  };
  const isChecked = readKey(device, keys.macFiltering) ?? false;
  return {
    nic,
    hwaddr: hwaddr ?? settingsOf(nic).hwaddr,
    ...(type === "sriov" ? { function: { hwaddr: hwaddr ?? "", vlan: vlan ?? 0, isChecked } } : {}),
    volatile: {
      ...(hwaddr === undefined || device["hwaddr"] ? {} : { [`volatile.${name}.hwaddr`]: hwaddr }),
      ...(device["name"] ? {} : { [`volatile.${name}.name`]: interfaceName }),
    },
  };
}

/** Gives the NIC to a container. */
export async function giveHostNic(
  context: Context,
  { ref, name }: { ref: Ref; name: string },
  planned: PlannedNic,
  pid: number,
): Promise<void> {
  const file = fileOf(context, ref, name);
  Deno.mkdirSync(directory(context), { recursive: true, mode: 0o700 });
  await using _lock = await lockNics(context);
  const nic = await chosen(context, name, planned);
  // noted first, so that what is half done can be undone
  const given: GivenNic = { nic, before: nic.type === "physical" ? settingsOf(nic) : undefined };
  Deno.writeTextFileSync(`${file}.json`, JSON.stringify(given));
  await mustRun(`Plugging in "${name}"`, giveNicLines(nic, pid, `${file}.ns`));
}

/** The NIC itself, or the virtual function of its parent that it becomes. */
async function chosen(context: Context, name: string, planned: PlannedNic): Promise<HostNic> {
  const { nic, function: wanted } = planned;
  if (wanted === undefined) return nic;
  const { chooseFunction } = await import("./nic_function.ts");
  const taken = givenNics(context).map(({ nic }) => nic.parent);
  const found = await chooseFunction(nic.parent, taken);
  if (found === undefined) {
    throw new DreyError("CONFLICT", {
      message: `Device "${name}": no virtual function of "${nic.parent}" is free`,
      hint: "Stop an instance that has one, or set down an interface of one on the host",
    });
  }
  const now = { card: nic.parent, index: found.index, vlan: wanted.vlan, isChecked: wanted.isChecked };
  return {
    ...nic,
    parent: found.interface,
    function: {
      now: { ...now, ...(wanted.isChecked ? { hwaddr: wanted.hwaddr } : {}) },
      before: found.settings,
    },
  };
}

/** Of the interface; of a VLAN that is still to be made, of its parent. */
function settingsOf(nic: HostNic): { hwaddr: string; mtu: number } {
  const paths = [nicSource(nic), nic.parent].map((source) => `/sys/class/net/${source}`);
  const path = paths.find(exists) ?? "";
  return {
    hwaddr: (readIfThere(`${path}/address`) ?? "").trim(),
    mtu: Number(readIfThere(`${path}/mtu`) ?? 1500),
  };
}

/** Takes a NIC back, if the instance has one by this name; `pid` is that of an init that still runs. */
export async function takeHostNic(context: Context, ref: Ref, name: string, pid?: number): Promise<boolean> {
  const file = fileOf(context, ref, name);
  const given = readJsonIfThere<GivenNic>(`${file}.json`);
  if (given === undefined) return false;
  await using _lock = await lockNics(context);
  const { nic, before } = given;
  const gone = forgetNicLines(nic);
  if (before !== undefined && exists(`${file}.ns`)) {
    await mustRun(
      `Taking back "${name}"`,
      takeNicLines(nic, before, { pid: Deno.pid, namespaceFile: `${file}.ns` }),
    );
  } else if (pid !== undefined) {
    await mustRun(`Unplugging "${name}"`, [`nsenter -t ${pid} -n ip link delete ${nic.name}`, ...gone]);
  } else if (gone.length > 0) await mustRun(`Unplugging "${name}"`, gone);
  removeIfThere(`${file}.json`);
  if (nic.vlan !== undefined) await removeVlan(context, nicSource(nic));
  return true;
}

function givenNics(context: Context): GivenNic[] {
  return namesIn(directory(context)).filter((name) => name.endsWith(".json")).flatMap((name) => {
    return readJsonIfThere<GivenNic>(join(directory(context), name)) ?? [];
  });
}

/** Ends the interface of a VLAN that nothing needs any more, if it was made for a NIC. */
export async function releaseVlan(context: Context, source: string): Promise<void> {
  await using _lock = await lockNics(context);
  await removeVlan(context, source);
}

async function removeVlan(context: Context, source: string): Promise<void> {
  const isUsed = givenNics(context).some(({ nic }) => nicSource(nic) === source) ||
    pluggedNics(context).some(({ announced }) => announced?.parent === source);
  if (isUsed || readIfThere(`/sys/class/net/${source}/ifalias`)?.trim() !== nicOwner(context)) return;
  await mustRun(`Removing "${source}"`, [`ip link delete ${source}`]);
}

async function mustRun(what: string, lines: readonly string[]): Promise<void> {
  const result = await run(["sh", "-e"], { stdin: `${lines.join("\n")}\n` });
  if (result.code !== 0) throw commandFailed(what, result);
}
