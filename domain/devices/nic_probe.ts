// Whether an address of a routed NIC is somebody's already on the wire of its parent: the kernel is made to ask for it
// (ARP, neighbor discovery), and what it hears is read.

import { parseAddress } from "../../config/address.ts";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Announced } from "../../network/links.ts";
import { vlanLines } from "../../network/vlans.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Device } from "../../wire/instance.ts";

/** how long an answer may take; on a wire it takes less than one */
const milliseconds = 500;

/** @throws {DreyError} `CONFLICT` */
export async function refuseAnswered(
  name: string,
  device: Device,
  { parent, addresses, vlan }: Announced,
): Promise<void> {
  const asked = addresses.filter((address) =>
    readKey(device, address.includes(":") ? keys.neighborProbe6 : keys.neighborProbe4) ?? true
  );
  if (asked.length === 0) return;
  await mustRun([
    ...(vlan === undefined ? [] : vlanLines(vlan)),
    ...asked.map((address) => `ip neigh replace ${address} dev ${parent} nud none use`),
  ]);
  const end = performance.now() + milliseconds;
  let answered: string | undefined;
  while (answered === undefined && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    answered = await findAnswered(parent, asked);
  }
  await mustRun(asked.map((address) => `ip neigh delete ${address} dev ${parent} 2>/dev/null || :`));
  if (answered === undefined) return;
  throw new DreyError("CONFLICT", {
    message: `Device "${name}": the address "${answered}" is in use on the network of "${parent}"`,
    hint: "Choose another one, or set ipv4.neighbor_probe or ipv6.neighbor_probe to false",
  });
}

async function findAnswered(parent: string, asked: readonly string[]): Promise<string | undefined> {
  const { stdout } = await mustRun([`ip -json neigh show dev ${parent}`]);
  const entries = JSON.parse(stdout || "[]") as { dst: string; lladdr?: string }[];
  const answers = entries.filter(({ lladdr }) => lladdr !== undefined).map(({ dst }) =>
    parseAddress(dst)?.value
  );
  return asked.find((address) => answers.includes(parseAddress(address)?.value));
}

async function mustRun(lines: readonly string[]) {
  const result = await run(["sh", "-e"], { stdin: `${lines.join("\n")}\n` });
  if (result.code !== 0) throw commandFailed("Asking for neighbors", result);
  return result;
}
