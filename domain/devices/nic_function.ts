// Which virtual function of a network card an instance gets.

import {
  type FreeFunction,
  freeFunction,
  type FunctionSettings,
  functionSettings,
  switchOnFunctions,
} from "../../network/sriov.ts";
import { runChecked } from "../../sys/run.ts";

/** A free function with what the card says of it now, or undefined if all are in use. */
export async function chooseFunction(
  card: string,
  taken: readonly string[],
): Promise<FreeFunction & { settings: FunctionSettings } | undefined> {
  switchOnFunctions(card);
  const found = await appearing(() => freeFunction(card, taken));
  if (found === undefined) return undefined;
  const settings = functionSettings(
    card,
    found.index,
    await runChecked(["ip", "-json", "link", "show", "dev", card]),
  );
  return { ...found, settings: settings ?? { card, index: found.index, vlan: 0, isChecked: false } };
}

/** Drivers take a moment to make the interfaces of functions that were just switched on. */
async function appearing<T>(look: () => T | undefined): Promise<T | undefined> {
  for (let tries = 0; tries < 30; tries++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return undefined;
}
