// Network cards: joined to the hub between the birth of a container and its first instruction, or while it runs.

import { join } from "@std/path";
import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { bridgeMtu } from "../../config/network_keys.ts";
import { DreyError } from "../../errors.ts";
import { inHub, serviceNames, signalService } from "../../network/hub.ts";
import { ipScript, vethLines } from "../../network/links.ts";
import { removeIfThere } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { missingNetworkTools, openDefaultNetwork, tellOnce } from "../networks/default.ts";
import { ensureNetwork, leaveHub } from "../networks/hub.ts";
import { hubDirectory, usualMtu } from "../networks/hub_state.ts";
import { applyRules } from "../networks/rules.ts";
import { nicName, type PluggedNic, readNic, removeNic, writeNic } from "../networks/nic_files.ts";
import {
  checkAddresses,
  interfaceNameOf,
  type NicFacts,
  type NicKind,
  nicVolatile,
  planNic,
} from "../networks/nic_plan.ts";
import { dnsService } from "../networks/plan.ts";
import { defaultNetwork, loadNetwork, networkDirectory } from "../networks/record.ts";
import { spareAddress } from "../networks/spare_address.ts";
import { randomHwaddr } from "../networks/subnets.ts";
import { readUplink } from "../networks/uplink.ts";
import { effectiveProject } from "../projects/effective.ts";
import type { DeviceSite, DeviceType, LiveResult, LiveSite, StartParts, StartSite } from "./device.ts";

export const nic: DeviceType = { start, stopped, add, remove, change, check };

type Site = DeviceSite & { devices: Devices };

async function start(site: StartSite): Promise<StartParts> {
  const { context, device } = site;
  const isDefault = device["network"] === defaultNetwork;
  const missing = missingNetworkTools();
  if (missing !== undefined && isDefault) {
    return { warnings: tellOnce(context, `no network: ${missing.found}; ${missing.fix}`) };
  }
  if (missing !== undefined) {
    throw new DreyError("TOOL_MISSING", {
      message: `Cannot plug in "${site.name}": ${missing.found}`,
      hint: missing.fix,
    });
  }
  const facts = await gather(site);
  const plugged = planNic(facts);
  const warnings = uplinkWarnings(context);
  let isReady = false;
  return {
    warnings,
    volatile: nicVolatile(facts, plugged),
    async prepare(parent) {
      writeNic(context, plugged);
      try {
        await ensureNetwork(context, plugged.network, parent);
        isReady = true;
      } catch (error) {
        // an instance nobody asked a network for goes without
        if (!isDefault || !(error instanceof DreyError)) throw error;
        warnings.push(...tellOnce(context, `no network: ${error.message}`));
        removeNic(context, site.ref, site.name);
      }
      if (isReady) tellDnsmasq(context, plugged);
    },
    async attach(pid) {
      if (isReady) await plugIn(context, plugged, pid);
    },
    settled: () => [{ do: "link-up", name: plugged.veth.name, optional: true }],
  };
}

/** The way out is missed only where there is none; told once. */
function uplinkWarnings(context: Context): string[] {
  if (context.user.uid === 0) return [];
  const uplink = readUplink();
  if (uplink.tool !== undefined) return [];
  return tellOnce(
    context,
    `instances reach each other and nothing outside, since ${uplink.why}; an administrator can run: ${uplink.fix}`,
  );
}

async function gather(site: Site): Promise<NicFacts> {
  const { context, ref, name, device, config } = site;
  const kind = await kindOf(context, ref, site);
  const facts: NicFacts = {
    ref,
    name,
    device,
    config,
    kind,
    taken: takenNames(site),
    random: { hostName: `veth${hex(4)}`, hwaddr: randomHwaddr() },
  };
  const needsAddress = readKey(device, keys.ipv4Filtering) && !device["ipv4.address"];
  if (!needsAddress || kind.type !== "bridged" || kind.network === undefined) return facts;
  const known = config[`volatile.${name}.ipv4.address`];
  return { ...facts, spareIpv4: known ?? await spareAddress(context, kind.bridge, kind.network) };
}

/** Names of the other cards' interfaces: the cards are counted in the order of their names, as LXD does. */
function takenNames({ name, devices, config }: Site): string[] {
  const taken: string[] = [];
  const cards = Object.entries(devices).filter(([, device]) => device["type"] === "nic");
  for (const [other, device] of cards) {
    const known = device["name"] || config[`volatile.${other}.name`];
    if (other !== name && known) taken.push(known);
  }
  for (const [other, device] of cards.toSorted(([a], [b]) => a < b ? -1 : 1)) {
    if (other === name) break;
    if (device["name"] || config[`volatile.${other}.name`]) continue;
    taken.push(interfaceNameOf({ name: other, device, config, taken } as unknown as NicFacts));
  }
  return taken;
}

const hex = (bytes: number) =>
  [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );

async function kindOf(
  context: Context,
  ref: Ref,
  { name, device }: Pick<DeviceSite, "name" | "device">,
): Promise<NicKind> {
  const network = device["network"];
  if (network) {
    const project = await effectiveProject(context, ref.project, "networks");
    const found = { project, name: network };
    if (network === defaultNetwork) await openDefaultNetwork(context);
    const { value } = await loadNetwork(context, found).catch((cause) => {
      throw new DreyError("NOT_FOUND", {
        message: `Device "${name}": network "${network}" not found`,
        hint: "See the networks there are: drey network list",
        cause,
      });
    });
    if (value.type === "bridge") {
      const mtu = readKey(value.config, bridgeMtu) ?? usualMtu(context);
      return { type: "bridged", bridge: network, network: value.config, mtu };
    }
    throw new DreyError("NOT_SUPPORTED", {
      message: `Device "${name}": networks of type ${value.type} cannot be plugged into containers yet`,
    });
  }
  const type = device["nictype"];
  const parent = device["parent"];
  if (type === "p2p") return { type };
  if (type === "routed" && !parent) return { type };
  if (type === "routed") {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Device "${name}": announcing a routed card on "${parent}" is not supported yet`,
      hint: "Leave out the key parent: all networks of drey reach the card by routes",
    });
  }
  if (type === "bridged" && parent) return await bridgedTo(context, parent);
  throw new DreyError("NOT_SUPPORTED", {
    message: `Device "${name}": cards of nictype ${type} are not supported yet`,
  });
}

/** A bridge that is named by its interface may be one of drey's networks after all. */
async function bridgedTo(context: Context, parent: string): Promise<NicKind> {
  const managed = await loadNetwork(context, { project: "default", name: parent }).catch((error) => {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  if (managed?.value.type === "bridge") {
    const mtu = readKey(managed.value.config, bridgeMtu) ?? usualMtu(context);
    return { type: "bridged", bridge: parent, network: managed.value.config, mtu };
  }
  if (context.user.uid === 0) return { type: "bridged", bridge: parent, mtu: 1500 };
  throw new DreyError("FORBIDDEN", {
    message: `Cannot plug into "${parent}": only root may use the host's own bridges`,
    hint: "Use a managed network: drey network create NAME, then network=NAME",
  });
}

/** Tells the network's DHCP server of the card; it learns of a new file by itself. */
function tellDnsmasq(context: Context, { network, host, ref, device }: PluggedNic): void {
  if (network === undefined || host === undefined) return;
  Deno.writeTextFileSync(join(networkDirectory(context, network), "hosts", nicName(ref, device)), host);
}

/** Joins a container to the hub. */
async function plugIn(context: Context, nic: PluggedNic, pid: number): Promise<void> {
  const directory = hubDirectory(context);
  const { veth, ingress, inner, outer, routes } = nic;
  const lines = [...vethLines(veth, pid), ...outer, ...routes.map((route) => `route replace ${route}`)];
  const more = [
    ...(veth.isIsolated ? [`bridge link set dev ${veth.hostName} isolated on\n`] : []),
    ...(ingress === undefined ? [] : [`${shape(veth.hostName, ingress)}\n`]),
    ...(inner.length === 0 ? [] : [`nsenter -t ${pid} -n -- ${ipScript(inner)}`]),
  ];
  const result = more.length === 0
    ? await run(inHub(directory, ["ip", "-batch", "-"]), { stdin: lines.join("\n") + "\n" })
    : await run(inHub(directory, ["sh", "-e"]), { stdin: ipScript(lines) + more.join("") });
  if (result.code !== 0) throw commandFailed(`Plugging in "${nic.device}"`, result);
  if (hasRules(nic)) await applyRules(context);
}

/** What is sent to an instance queues up before its cable; what comes from it is counted by the rules. */
function shape(hostName: string, bytes: number): string {
  const burst = Math.max(Math.round(bytes / 100), 32_768);
  return `tc qdisc replace dev ${hostName} root tbf rate ${
    Math.round(bytes * 8)
  }bit burst ${burst} latency 50ms`;
}

const hasRules = ({ rules: { filters, egress }, obeysAcls }: PluggedNic) =>
  obeysAcls || filters.mac || filters.ipv4 !== undefined || filters.ipv6 !== undefined ||
  egress !== undefined;

async function stopped({ context, ref, name }: DeviceSite): Promise<void> {
  const nic = readNic(context, ref, name);
  if (nic === undefined) return;
  forget(context, nic);
  removeNic(context, ref, name);
  await leaveHub(context);
}

function forget(context: Context, { network, host, ref, device }: PluggedNic): void {
  if (network === undefined || host === undefined) return;
  removeIfThere(join(networkDirectory(context, network), "hosts", nicName(ref, device)));
  const hub = hubDirectory(context);
  // a file that has gone is noticed when all are read again, which a hangup asks for
  if (serviceNames(hub).includes(dnsService(network))) signalService(hub, dnsService(network), 1);
}

async function add(site: LiveSite): Promise<LiveResult> {
  const { context } = site;
  const facts = await gather(site);
  const plugged = planNic(facts);
  writeNic(context, plugged);
  await ensureNetwork(context, plugged.network, parentOf(context, site.pid));
  tellDnsmasq(context, plugged);
  await plugIn(context, plugged, site.pid);
  await setUp(context, plugged, site.pid);
  return { volatile: nicVolatile(facts, plugged) };
}

/** Plugs a card in again after its hub has been made anew. */
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

async function setUp(context: Context, { veth, device }: PluggedNic, pid: number): Promise<void> {
  const argv = ["nsenter", "-t", String(pid), "-n", "--", "ip", "link", "set", veth.name, "up"];
  const result = await run(inHub(hubDirectory(context), argv));
  if (result.code !== 0) throw commandFailed(`Setting up "${device}"`, result);
}

/** The way into the namespace above a running container; only its level matters where the hub is there. */
function parentOf(context: Context, pid: number) {
  if (context.user.uid === 0) return undefined;
  return { pid, level: "parent" as const, map: { uids: [], gids: [] } };
}

async function remove({ context, ref, name, config }: LiveSite): Promise<LiveResult> {
  const nic = readNic(context, ref, name);
  if (nic !== undefined) {
    // the other end goes with it; it may be gone already
    const result = await run(inHub(hubDirectory(context), ["ip", "link", "delete", nic.veth.hostName]));
    if (result.code !== 0 && !/Cannot find device/.test(result.stderr)) {
      throw commandFailed(`Unplugging "${name}"`, result);
    }
    await stopped({ context, ref, name, device: {}, config });
  }
  return { volatile: { [`volatile.${name}.host_name`]: "" } };
}

/** Limits and routes change in place; what else changes means another card. */
async function change(site: LiveSite, before: LiveSite["device"]): Promise<boolean> {
  const { context, ref, name, device } = site;
  const live = keys.nic.keys.filter((key) => key.live && !key.name.endsWith("routes")).map((key) => key.name);
  const changed = Object.keys({ ...before, ...device }).filter((key) =>
    (before[key] ?? "") !== (device[key] ?? "")
  );
  const old = readNic(context, ref, name);
  if (old === undefined || !changed.every((key) => live.includes(key))) return false;
  const facts = await gather(site);
  const now = planNic({ ...facts, random: { ...facts.random, hostName: old.veth.hostName } });
  writeNic(context, now);
  const host = now.veth.hostName;
  const script = now.ingress === undefined
    ? `tc qdisc delete dev ${host} root 2>/dev/null || :\n`
    : `${shape(host, now.ingress)}\n`;
  const result = await run(inHub(hubDirectory(context), ["sh", "-e"]), { stdin: script });
  if (result.code !== 0) throw commandFailed(`Changing "${name}"`, result);
  await applyRules(context);
  return true;
}

async function check({ context, ref, name, device }: Omit<DeviceSite, "config">): Promise<void> {
  const isUntouched = device["network"] === defaultNetwork && missingNetworkTools() !== undefined;
  if (isUntouched) return;
  const kind = await kindOf(context, ref, { name, device });
  if (kind.type === "bridged" && kind.network !== undefined) {
    checkAddresses(name, device, kind.network);
    const { refuseTakenAddress } = await import("../networks/spare_address.ts");
    await refuseTakenAddress(context, { ref, name, device }, kind.bridge);
  }
}
