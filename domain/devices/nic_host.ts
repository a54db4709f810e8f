// Cards that are interfaces of the host, or made from one: root gives them to one instance, and they come back when it
// ends. The hub has no part in them.

import { join } from "@std/path";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import {
  cardSource,
  forgetCardLines,
  giveCardLines,
  type HostCard,
  takeCardLines,
} from "../../network/host_cards.ts";
import { vlanInterface } from "../../network/vlans.ts";
import { exists, namesIn, readIfThere, removeIfThere } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { nicName, pluggedNics } from "../networks/nic_files.ts";
import { type HostKind, interfaceNameOf, type NicFacts } from "../networks/nic_plan.ts";
import { sharedAddress } from "../networks/shared_address.ts";
import { cardOwner } from "./nic_kind.ts";

/** A card, before one of several functions is chosen to be it. */
export interface PlannedCard {
  card: HostCard;
  /** address that the card's interface will have */
  hwaddr: string;
  /** what a function of the parent is to be told */
  function?: { hwaddr: string; vlan: number; isChecked: boolean };
}

/** What is remembered of a card while its instance has it. */
interface GivenCard {
  card: HostCard;
  /** what an interface of the host was before */
  before: { hwaddr: string; mtu: number } | undefined;
}

const directory = (context: Context) => join(context.paths.run, "cards");
const fileOf = (context: Context, ref: Ref, device: string) => join(directory(context), nicName(ref, device));

/** What is made from the host's interfaces, and whether it is still used, is one question at a time. */
const lockCards = (context: Context) => context.store.lock(["host-cards"]);

/** The card, and what the instance's configuration is to remember of it. */
export function planHostCard(
  context: Context,
  facts: NicFacts & { kind: HostKind },
): PlannedCard & { volatile: Config } {
  const { device, kind: { type, vlan, mtu: usual, ...kind }, name, config, random } = facts;
  const interfaceName = interfaceNameOf(facts);
  const known = config[`volatile.${name}.hwaddr`];
  // an interface that moves keeps its own address unless told otherwise; one of ipvlan has its parent's
  const isOwn = type === "macvlan" || type === "sriov";
  const hwaddr = (device["hwaddr"] || (isOwn ? known || random.hwaddr : undefined))?.toLowerCase();
  const mtu = readKey(device, keys.mtu) ?? usual;
  const card: HostCard = {
    ...kind,
    type: type === "sriov" ? "physical" : type,
    name: interfaceName,
    ...(vlan === undefined || type === "sriov" ? {} : { vlan }),
    ...(hwaddr === undefined ? {} : { hwaddr }),
    ...(mtu === undefined ? {} : { mtu }),
    owner: cardOwner(context),
    ...(type === "ipvlan"
      ? { shared: sharedAddress(device, interfaceName, vlanInterface(kind.parent, vlan)) }
      : {}),
  };
  const isChecked = readKey(device, keys.macFiltering) ?? false;
  return {
    card,
    hwaddr: hwaddr ?? settingsOf(card).hwaddr,
    ...(type === "sriov" ? { function: { hwaddr: hwaddr ?? "", vlan: vlan ?? 0, isChecked } } : {}),
    volatile: {
      ...(hwaddr === undefined || device["hwaddr"] ? {} : { [`volatile.${name}.hwaddr`]: hwaddr }),
      ...(device["name"] ? {} : { [`volatile.${name}.name`]: interfaceName }),
    },
  };
}

/** Gives the card to a container. */
export async function giveHostCard(
  context: Context,
  { ref, name }: { ref: Ref; name: string },
  planned: PlannedCard,
  pid: number,
): Promise<void> {
  const file = fileOf(context, ref, name);
  Deno.mkdirSync(directory(context), { recursive: true, mode: 0o700 });
  await using _lock = await lockCards(context);
  const card = await chosen(context, name, planned);
  // noted first, so that what is half done can be undone
  const given: GivenCard = { card, before: card.type === "physical" ? settingsOf(card) : undefined };
  Deno.writeTextFileSync(`${file}.json`, JSON.stringify(given));
  await mustRun(`Plugging in "${name}"`, giveCardLines(card, pid, `${file}.ns`));
}

/** The card itself, or the virtual function of its parent that it becomes. */
async function chosen(context: Context, name: string, planned: PlannedCard): Promise<HostCard> {
  const { card, function: wanted } = planned;
  if (wanted === undefined) return card;
  const { chooseFunction } = await import("./nic_function.ts");
  const taken = givenCards(context).map(({ card }) => card.parent);
  const found = await chooseFunction(card.parent, taken);
  if (found === undefined) {
    throw new DreyError("CONFLICT", {
      message: `Device "${name}": no virtual function of "${card.parent}" is free`,
      hint: "Stop an instance that has one, or set down an interface of one on the host",
    });
  }
  const now = { card: card.parent, index: found.index, vlan: wanted.vlan, isChecked: wanted.isChecked };
  return {
    ...card,
    parent: found.interface,
    function: {
      now: { ...now, ...(wanted.isChecked ? { hwaddr: wanted.hwaddr } : {}) },
      before: found.settings,
    },
  };
}

/** Of the interface; of a VLAN that is still to be made, of its parent. */
function settingsOf(card: HostCard): { hwaddr: string; mtu: number } {
  const paths = [cardSource(card), card.parent].map((source) => `/sys/class/net/${source}`);
  const path = paths.find(exists) ?? "";
  return {
    hwaddr: (readIfThere(`${path}/address`) ?? "").trim(),
    mtu: Number(readIfThere(`${path}/mtu`) ?? 1500),
  };
}

/** Takes a card back, if the instance has one by this name; `pid` is that of an init that still runs. */
export async function takeHostCard(context: Context, ref: Ref, name: string, pid?: number): Promise<boolean> {
  const file = fileOf(context, ref, name);
  const text = readIfThere(`${file}.json`);
  if (text === undefined) return false;
  await using _lock = await lockCards(context);
  const { card, before } = JSON.parse(text) as GivenCard;
  const gone = forgetCardLines(card);
  if (before !== undefined && exists(`${file}.ns`)) {
    await mustRun(
      `Taking back "${name}"`,
      takeCardLines(card, before, { pid: Deno.pid, namespaceFile: `${file}.ns` }),
    );
  } else if (pid !== undefined) {
    await mustRun(`Unplugging "${name}"`, [`nsenter -t ${pid} -n ip link delete ${card.name}`, ...gone]);
  } else if (gone.length > 0) await mustRun(`Unplugging "${name}"`, gone);
  removeIfThere(`${file}.json`);
  if (card.vlan !== undefined) await removeVlan(context, cardSource(card));
  return true;
}

function givenCards(context: Context): GivenCard[] {
  return namesIn(directory(context)).filter((name) => name.endsWith(".json")).flatMap((name) => {
    const text = readIfThere(join(directory(context), name));
    return text === undefined ? [] : [JSON.parse(text) as GivenCard];
  });
}

/** Ends the interface of a VLAN that nothing needs any more, if it was made for a card. */
export async function releaseVlan(context: Context, source: string): Promise<void> {
  await using _lock = await lockCards(context);
  await removeVlan(context, source);
}

async function removeVlan(context: Context, source: string): Promise<void> {
  const isUsed = givenCards(context).some(({ card }) => cardSource(card) === source) ||
    pluggedNics(context).some(({ announced }) => announced?.parent === source);
  if (isUsed || readIfThere(`/sys/class/net/${source}/ifalias`)?.trim() !== cardOwner(context)) return;
  await mustRun(`Removing "${source}"`, [`ip link delete ${source}`]);
}

async function mustRun(what: string, lines: readonly string[]): Promise<void> {
  const result = await run(["sh", "-e"], { stdin: `${lines.join("\n")}\n` });
  if (result.code !== 0) throw commandFailed(what, result);
}
