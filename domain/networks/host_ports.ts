// Ports of the host that the kernel itself leads to instances: root's forwards, and proxy devices with nat. A user has
// no hand in the host's network namespace; there a relay does it (relays.ts).

import { join } from "@std/path";
import { parseAddress } from "../../config/address.ts";
import { namesIn, readIfThere, readJsonIfThere, removeIfThere } from "../../sys/present.ts";
import type { PortRule } from "../../network/port_rules.ts";
import type { Context } from "../context.ts";
import { forwardRecords, targetsOf } from "../network_forwards.ts";
import { isHostHub, isHubWhole } from "./hub_state.ts";
import { pluggedNics } from "./nic_files.ts";
import { loadNetwork } from "./record.ts";

/** Whether the kernel leads what arrives at an address; what the loopback takes it does not let go. */
export function isLedByKernel(context: Context, address: string): boolean {
  return isHostHub(context) && !isLoopback(address);
}

function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined &&
    (address.family === 4 ? address.value >> 24n === 127n : address.value === 1n);
}

/** The rules of all that is led, with networks that are up. */
export async function hostPorts(context: Context, networks: readonly string[]): Promise<PortRule[]> {
  if (!isHostHub(context)) return [];
  const forwards = await Promise.all(networks.map((name) => forwardRules(context, name)));
  return [...forwards.flat(), ...proxyRules(context)];
}

/**
 * Lines of sh that let instances come back by the port of the bridge that they went out of: where br_netfilter changes
 * the address of what one sends to itself, the packet never leaves the bridge.
 */
export function hairpinScript(context: Context): string {
  if (readIfThere("/proc/sys/net/bridge/bridge-nf-call-iptables")?.trim() !== "1") return "";
  return pluggedNics(context).filter(({ veth }) => veth.bridge !== undefined).map(({ veth: { hostName } }) =>
    `[ ! -e /sys/class/net/${hostName}/brport ] || bridge link set dev ${hostName} hairpin on\n`
  ).join("");
}

async function forwardRules(context: Context, network: string): Promise<PortRule[]> {
  const ref = { project: "default", name: network };
  const records = await forwardRecords(context, "forwards", ref);
  if (records.length === 0) return [];
  const { value: { config } } = await loadNetwork(context, ref);
  return records.filter(({ address }) => !isLoopback(address)).flatMap(({ address: listen, record }) => {
    const rest = record.config["target_address"];
    return [
      ...targetsOf("forwards", listen, record, config).flatMap(({ protocol, port, targets }) =>
        targets.map((target): PortRule => ({ listen, port: { protocol, number: port }, target }))
      ),
      ...(rest ? [{ listen, target: { address: rest } }] : []),
    ];
  });
}

const directory = (context: Context) => join(context.paths.run, "ports");

/** Notes what a proxy device leads, and brings it in force. */
export async function openHostPorts(
  context: Context,
  name: string,
  rules: readonly PortRule[],
): Promise<void> {
  Deno.mkdirSync(directory(context), { recursive: true, mode: 0o700 });
  const path = join(directory(context), name);
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(rules));
  Deno.renameSync(`${path}.new`, path);
  await apply(context);
}

/** Undoes that, if there is anything. */
export async function closeHostPorts(context: Context, name: string): Promise<void> {
  const path = join(directory(context), name);
  if (readIfThere(path) === undefined) return;
  removeIfThere(path);
  await apply(context);
}

async function apply(context: Context): Promise<void> {
  if (!isHubWhole(context)) return;
  const { applyRules } = await import("./rules.ts");
  await applyRules(context);
}

function proxyRules(context: Context): PortRule[] {
  return namesIn(directory(context)).filter((name) => !name.endsWith(".new")).flatMap((name) =>
    readJsonIfThere<PortRule[]>(join(directory(context), name)) ?? []
  );
}
