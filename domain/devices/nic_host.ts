// Cards that are interfaces of the host, or made from one: root gives them to one instance, and they come back when it
// ends. The hub has no part in them.

import { join } from "@std/path";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { cardSource, giveCardLines, type HostCard, takeCardLines } from "../../network/host_cards.ts";
import { exists, namesIn, readIfThere, removeIfThere } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { tableName } from "../networks/hub_state.ts";
import { nicName } from "../networks/nic_files.ts";
import { type HostKind, interfaceNameOf, type NicFacts } from "../networks/nic_plan.ts";

/** What is remembered of a card while its instance has it. */
interface GivenCard {
  card: HostCard;
  /** what an interface of the host was before */
  before: { hwaddr: string; mtu: number } | undefined;
}

const directory = (context: Context) => join(context.paths.run, "cards");
const fileOf = (context: Context, ref: Ref, device: string) => join(directory(context), nicName(ref, device));

/** The card, and what the instance's configuration is to remember of it. */
export function planHostCard(
  context: Context,
  facts: NicFacts & { kind: HostKind },
): { card: HostCard; volatile: Config } {
  const { device, kind, name, config, random } = facts;
  const interfaceName = interfaceNameOf(facts);
  const known = config[`volatile.${name}.hwaddr`];
  // an interface that moves keeps its own address unless told otherwise
  const hwaddr = device["hwaddr"] || (kind.type === "macvlan" ? known || random.hwaddr : undefined);
  const mtu = readKey(device, keys.mtu);
  return {
    card: {
      ...kind,
      name: interfaceName,
      ...(hwaddr === undefined ? {} : { hwaddr: hwaddr.toLowerCase() }),
      ...(mtu === undefined ? {} : { mtu }),
      // not the mark of a network's interfaces, which end with the hub
      owner: `${tableName(context)}.card`,
    },
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
  card: HostCard,
  pid: number,
): Promise<void> {
  const file = fileOf(context, ref, name);
  Deno.mkdirSync(directory(context), { recursive: true, mode: 0o700 });
  // noted first, so that what is half done can be undone
  const given: GivenCard = { card, before: card.type === "physical" ? settingsOf(card) : undefined };
  Deno.writeTextFileSync(`${file}.json`, JSON.stringify(given));
  await mustRun(`Plugging in "${name}"`, giveCardLines(card, pid, `${file}.ns`));
}

/** Of the interface; of a VLAN that is still to be made, of its parent. */
function settingsOf(card: HostCard): GivenCard["before"] {
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
  const { card, before } = JSON.parse(text) as GivenCard;
  if (before !== undefined && exists(`${file}.ns`)) {
    await mustRun(
      `Taking back "${name}"`,
      takeCardLines(card, before, { pid: Deno.pid, namespaceFile: `${file}.ns` }),
    );
  } else if (pid !== undefined) {
    await mustRun(`Unplugging "${name}"`, [`nsenter -t ${pid} -n ip link delete ${card.name}`]);
  }
  removeIfThere(`${file}.json`);
  await removeVlan(context, card);
  return true;
}

/** A VLAN's interface ends with the last card that is made from it, if it was made for them. */
async function removeVlan(context: Context, card: HostCard): Promise<void> {
  if (card.vlan === undefined) return;
  const source = cardSource(card);
  const isUsed = namesIn(directory(context)).filter((name) => name.endsWith(".json")).some((name) => {
    const text = readIfThere(join(directory(context), name));
    return text !== undefined && cardSource((JSON.parse(text) as GivenCard).card) === source;
  });
  if (isUsed || readIfThere(`/sys/class/net/${source}/ifalias`)?.trim() !== card.owner) return;
  await mustRun(`Removing "${source}"`, [`ip link delete ${source}`]);
}

async function mustRun(what: string, lines: readonly string[]): Promise<void> {
  const result = await run(["sh", "-e"], { stdin: `${lines.join("\n")}\n` });
  if (result.code !== 0) throw commandFailed(what, result);
}
