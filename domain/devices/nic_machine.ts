// Cards that come to a virtual machine while it runs, and go: an interface of its box becomes a card on its bus.

import { join } from "@std/path";
import { type Card, cardBackend, cardDevice, cardLines, undoCardLines } from "../../runtime/vm/cards.ts";
import { doInBox } from "../../runtime/vm/door.ts";
import { raiseCard } from "../../runtime/vm/guest_facts.ts";
import { freePort, removeBehind, unplug } from "../../runtime/vm/ports.ts";
import { openMonitor } from "../../runtime/vm/qmp.ts";
import { readIfThere } from "../../sys/present.ts";
import type { Context, Ref } from "../context.ts";
import { instancePaths } from "../instances/record.ts";
import { machineCard } from "../machines/devices.ts";
import { runningMachine } from "../machines/plan.ts";

/** Cards of a running machine by the names of their interfaces, each with its number in the box; numbers of old ones stay. */
type Numbers = Record<string, { number: number; by: Card["by"] }>;

const fileOf = (run: string) => join(run, "cards.json");

function readNumbers(run: string): Numbers {
  const text = readIfThere(fileOf(run));
  if (text !== undefined) return JSON.parse(text) as Numbers;
  const cards = runningMachine(run)?.machine.cards ?? [];
  return Object.fromEntries(cards.map(({ name, by }, number) => [name, { number, by }]));
}

function writeNumbers(run: string, numbers: Numbers): void {
  Deno.writeTextFileSync(`${fileOf(run)}.new`, JSON.stringify(numbers));
  Deno.renameSync(`${fileOf(run)}.new`, fileOf(run));
}

/** Gives a running machine a card; its interface is in the box. @throws {DreyError} `CONFLICT` without a place for it */
export async function plugMachineCard(
  context: Context,
  ref: Ref,
  veth: Pick<Card, "name" | "hwaddr" | "mtu">,
): Promise<void> {
  const { run, door } = instancePaths(context, ref);
  const numbers = readNumbers(run);
  const number = Math.max(-1, ...Object.values(numbers).map(({ number }) => number)) + 1;
  const card = machineCard(veth);
  writeNumbers(run, { ...numbers, [`(gone ${number})`]: { number, by: card.by } });
  try {
    await doInBox(door, cardLines(card, number));
    using qmp = await openMonitor(door);
    const bus = await freePort(qmp);
    await qmp.execute("netdev_add", cardBackend(card, number));
    await qmp.execute("device_add", cardDevice(card, { index: number, bus }));
  } catch (error) {
    await doInBox(door, undoCardLines(number));
    throw error;
  }
  writeNumbers(run, { ...numbers, [card.name]: { number, by: card.by } });
  // nobody in a container's image waits for cards that come later
  await raiseCard(door, card.hwaddr);
}

/** Takes a card away from a running machine. @throws {DreyError} `TIMEOUT` if its guest does not let it go */
export async function unplugMachineCard(context: Context, ref: Ref, name: string): Promise<void> {
  const { run, door } = instancePaths(context, ref);
  const { [name]: found, ...others } = readNumbers(run);
  if (found === undefined) return;
  {
    using qmp = await openMonitor(door);
    await unplug(qmp, `net-${name}`);
    await removeBehind(qmp, "netdev_del", `card${found.number}`);
  }
  await doInBox(door, undoCardLines(found.number));
  writeNumbers(run, { ...others, [`(gone ${found.number})`]: found });
}
