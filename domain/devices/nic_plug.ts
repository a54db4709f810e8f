// NICs at the hub: cables laid into a container, and what is said of them to those who serve the network.

import { join } from "@std/path";
import { inHub, serviceNames, signalService } from "../../network/hub.ts";
import { announceLines, bridgePortLines, ipScript, vethLines, type VethPlan } from "../../network/links.ts";
import { removeIfThere } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Context } from "../context.ts";
import { hubDirectory, isHubWhole } from "../networks/hub_state.ts";
import { hostPorts } from "../networks/host_ports.ts";
import { nicName, type PluggedNic, pluggedNics } from "../networks/nic_files.ts";
import { dnsService } from "../networks/plan.ts";
import { networkDirectory } from "../networks/record.ts";
import { applyRules } from "../networks/rules.ts";

/** Tells the network's DHCP server of the NIC; it learns of a new file by itself. */
export function tellDnsmasq(context: Context, { network, host, ref, device }: PluggedNic): void {
  if (network === undefined || host === undefined) return;
  Deno.writeTextFileSync(join(networkDirectory(context, network), "hosts", nicName(ref, device)), host);
}

/** Joins a container to the hub. */
export async function plugIn(context: Context, nic: PluggedNic, pid: number): Promise<void> {
  const directory = hubDirectory(context);
  const { veth, ingress, inner, outer, routes, announced } = nic;
  const lines = [...vethLines(veth, pid), ...outer, ...routes.map((route) => `route replace ${route}`)];
  const more = [
    ...[...bridgePortLines(veth), ...(announced === undefined ? [] : announceLines(announced))].map((line) =>
      `${line}\n`
    ),
    ...(ingress === undefined ? [] : [`${shape(veth, ingress)}\n`]),
    ...(inner.length === 0 ? [] : [`nsenter -t ${pid} -n -- ${ipScript(inner)}`]),
  ];
  const result = more.length === 0
    ? await run(inHub(directory, ["ip", "-batch", "-"]), { stdin: lines.join("\n") + "\n" })
    : await run(inHub(directory, ["sh", "-e"]), { stdin: ipScript(lines) + more.join("") });
  if (result.code !== 0) throw commandFailed(`Plugging in "${nic.device}"`, result);
  const isLedTo = (await hostPorts(context, nic.network === undefined ? [] : [nic.network])).length > 0;
  if (hasRules(nic) || isLedTo) await applyRules(context);
}

/** What is sent to an instance queues up before its cable; what comes from it is counted by the rules. */
export function shape({ hostName, mtu }: Pick<VethPlan, "hostName" | "mtu">, bytes: number): string {
  // a packet that is larger than the bucket never passes, and of a few at once most must find room
  const burst = Math.max(Math.round(bytes / 100), 32_768, mtu + 4096);
  const limit = Math.max(burst + Math.round(bytes / 20), 8 * mtu);
  return `tc qdisc replace dev ${hostName} root tbf rate ${
    Math.round(bytes * 8)
  }bit burst ${burst} limit ${limit}`;
}

const hasRules = ({ rules: { filters, egress, priority }, obeysAcls }: PluggedNic) =>
  obeysAcls || filters.mac || filters.ipv4 !== undefined || filters.ipv6 !== undefined ||
  egress !== undefined || priority !== undefined;

/** Undoes what `tellDnsmasq` did. */
export function forget(context: Context, { network, host, ref, device }: PluggedNic): void {
  if (network === undefined || host === undefined) return;
  removeIfThere(join(networkDirectory(context, network), "hosts", nicName(ref, device)));
  const hub = hubDirectory(context);
  // a file that has gone is noticed when all are read again, which a hangup asks for
  if (serviceNames(hub).includes(dnsService(network))) signalService(hub, dnsService(network), 1);
}

/** Takes away routes of a NIC that is gone: on a bridge they would stay. Those that another NIC has too do. */
export async function removeRoutes(context: Context, routes: readonly string[]): Promise<void> {
  if (!isHubWhole(context)) return;
  const others = new Set(pluggedNics(context).flatMap((nic) => nic.routes));
  // with the bridge, or with the address they go by, they may be gone already
  const script = routes.filter((route) => !others.has(route))
    .map((route) => `ip route delete ${route} 2>/dev/null || :\n`).join("");
  await run(inHub(hubDirectory(context), ["sh"]), { stdin: script });
}

/** Plugs a NIC in again after its hub has been made anew. */
export async function plugAgain(context: Context, nic: PluggedNic, pid: number): Promise<void> {
  // the kernel takes its time to remove the cables of a namespace that is gone
  await run(
    inHub(hubDirectory(context), [
      "nsenter",
      "-t",
      String(pid),
      "-n",
      "--",
      "ip",
      "link",
      "delete",
      nic.veth.name,
    ]),
  );
  tellDnsmasq(context, nic);
  await plugIn(context, nic, pid);
  await setUp(context, nic, pid);
}

/** Sets up the end in the instance, where it is not about to start. */
export async function setUp(
  context: Context,
  { veth, device }: { veth: { name: string }; device: string },
  pid: number,
): Promise<void> {
  const argv = ["nsenter", "-t", String(pid), "-n", "--", "ip", "link", "set", veth.name, "up"];
  const result = await run(inHub(hubDirectory(context), argv));
  if (result.code !== 0) throw commandFailed(`Setting up "${device}"`, result);
}
