// NICs: joined to the hub, or given from the host, between the birth of a container and its first instruction, or while it runs.

import * as keys from "../../config/devices/nic.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { inHub } from "../../network/hub.ts";
import { type Announced, withdrawLines } from "../../network/links.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { machineNic } from "../machines/devices.ts";
import {
  installNetworkTools,
  missingNetworkTools,
  noNetwork,
  tellOnce,
  uplinkWarnings,
} from "../networks/default.ts";
import { ensureNetwork, leaveHub } from "../networks/hub.ts";
import { hubDirectory } from "../networks/hub_state.ts";
import { type PluggedNic, readNic, removeNic, writeNic } from "../networks/nic_files.ts";
import {
  checkAddresses,
  type HostKind,
  type HubFacts,
  interfaceNameOf,
  isHostKind,
  type NicFacts,
  nicVolatile,
  planNic,
} from "../networks/nic_plan.ts";
import { defaultNetwork } from "../networks/record.ts";
import { applyRules } from "../networks/rules.ts";
import { spareAddress } from "../networks/spare_address.ts";
import { randomHwaddr } from "../networks/hwaddr.ts";
import type {
  CheckSite,
  DeviceSite,
  DeviceType,
  LiveResult,
  LiveSite,
  StartParts,
  StartSite,
} from "./device.ts";
import { kindOf } from "./nic_kind.ts";
import { isHostNetwork, refuseLive, shareHostNetwork } from "./host_network.ts";
import { forget, plugIn, removeRoutes, setUp, shape, tellDnsmasq } from "./nic_plug.ts";

export const nic: DeviceType = { start, stopped, add, remove, change, check };

type Site = DeviceSite & { devices: Devices };

async function start(site: StartSite): Promise<StartParts> {
  const { context, device } = site;
  if (isHostNetwork(device)) return shareHostNetwork(site);
  const isDefault = device["network"] === defaultNetwork;
  const missing = await installNetworkTools(context);
  if (missing !== undefined && isDefault) {
    return {
      warnings: [...tellOnce(context, noNetwork(missing)), ...missing.why === undefined ? [] : [missing.why]],
    };
  }
  if (missing !== undefined) {
    throw new DreyError("TOOL_MISSING", {
      message: `Cannot plug in "${site.name}": ${missing.found}`,
      hint: missing.fix,
    });
  }
  const facts = await gather(site);
  if (!isHubFacts(facts)) return await startHostNic(site, facts);
  const plugged = planNic(facts);
  // a copy may have the addresses of its original until it is to start
  if (device["hwaddr"] || device["ipv4.address"] || device["ipv6.address"]) {
    const { refuseTaken } = await import("../networks/nics.ts");
    await refuseTaken(context, plugged, device);
  }
  const warnings = uplinkWarnings(context);
  let isReady = false;
  return {
    warnings,
    volatile: nicVolatile(facts, plugged),
    async prepare(parent) {
      await probe(site, plugged);
      writeNic(context, plugged);
      try {
        warnings.push(...await ensureNetwork(context, plugged.network, parent));
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
    nic: () => isReady ? machineNic(plugged.veth) : undefined,
    settled: () => [{ do: "link-up", name: plugged.veth.name, optional: true }],
  };
}

/** An address of a routed NIC may be somebody's on the wire it is to be found by. */
async function probe({ context, name, device }: Site, { announced }: PluggedNic): Promise<void> {
  if (announced === undefined) return;
  const { refuseAnswered } = await import("./nic_probe.ts");
  try {
    await refuseAnswered(name, device, announced);
  } catch (error) {
    await releaseVlanOf(context, announced);
    throw error;
  }
}

async function releaseVlanOf(context: Context, { vlan, parent }: Announced): Promise<void> {
  if (vlan !== undefined) await (await import("./nic_host.ts")).releaseVlan(context, parent);
}

const isHubFacts = (facts: NicFacts): facts is HubFacts => !isHostKind(facts.kind);

/** An interface of the host. */
async function startHostNic(site: StartSite, facts: NicFacts): Promise<StartParts> {
  const { context, ref, name } = site;
  if (facts.kind.type === "ipvlan" && site.type === "virtual-machine") {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${name}": a NIC of nictype "ipvlan" is for containers`,
      hint: "A virtual machine can have one of nictype macvlan, physical or sriov",
    });
  }
  const { giveHostNic, planHostNic } = await import("./nic_host.ts");
  const { volatile, ...planned } = planHostNic(context, hostFacts(facts));
  const { nic, hwaddr } = planned;
  return {
    volatile,
    attach: (pid) => giveHostNic(context, { ref, name }, planned, pid),
    nic: () => ({ ...machineNic({ name: nic.name, hwaddr, mtu: nic.mtu ?? 1500 }), keepsAddress: true }),
    settled: () => [{ do: "link-up", name: nic.name, optional: true }],
  };
}

function hostFacts({ kind, ...facts }: NicFacts): NicFacts & { kind: HostKind } {
  if (!isHostKind(kind)) throw new Error(`${facts.name} is no interface of the host`);
  return { ...facts, kind };
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

/** Names of the other NICs' interfaces: the NICs are counted in the order of their names, as LXD does. */
function takenNames({ name, devices, config }: Site): string[] {
  const taken: string[] = [];
  const nics = Object.entries(devices).filter(([, device]) => device["type"] === "nic");
  for (const [other, device] of nics) {
    const known = device["name"] || config[`volatile.${other}.name`];
    if (other !== name && known) taken.push(known);
  }
  for (const [other, device] of nics.toSorted(([a], [b]) => a < b ? -1 : 1)) {
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

async function stopped({ context, ref, name }: DeviceSite): Promise<void> {
  const nic = readNic(context, ref, name);
  if (nic === undefined) return await takeBack(context, ref, name);
  forget(context, nic);
  if (nic.announced !== undefined) await run(["sh", "-ec", withdrawLines(nic.announced).join("\n")]);
  removeNic(context, ref, name);
  if (nic.veth.bridge !== undefined && nic.routes.length > 0) await removeRoutes(context, nic.routes);
  if (nic.announced !== undefined) await releaseVlanOf(context, nic.announced);
  await leaveHub(context);
}

async function takeBack(context: Context, ref: Ref, name: string, pid?: number): Promise<void> {
  if (context.user.uid !== 0) return;
  const { takeHostNic } = await import("./nic_host.ts");
  await takeHostNic(context, ref, name, pid);
}

async function add(site: LiveSite): Promise<LiveResult> {
  const { context, ref, name, pid, type } = site;
  if (isHostNetwork(site.device)) refuseLive(name);
  const facts = await gather(site);
  if (!isHubFacts(facts)) {
    if (type === "virtual-machine") {
      throw new DreyError("NOT_SUPPORTED", {
        message: `Cannot plug "${name}" into a virtual machine that runs: it is an interface of the host`,
        hint: "Stop the instance first",
      });
    }
    const { giveHostNic, planHostNic } = await import("./nic_host.ts");
    const { volatile, ...planned } = planHostNic(context, hostFacts(facts));
    await giveHostNic(context, { ref, name }, planned, pid);
    await setUp(context, { veth: planned.nic, device: name }, pid);
    return { volatile };
  }
  const plugged = planNic(facts);
  await probe(site, plugged);
  writeNic(context, plugged);
  await ensureNetwork(context, plugged.network, parentOf(context, site.pid));
  tellDnsmasq(context, plugged);
  await plugIn(context, plugged, site.pid);
  if (type === "virtual-machine") {
    await (await import("./nic_machine.ts")).plugMachineNic(context, ref, plugged.veth);
  } else await setUp(context, plugged, site.pid);
  return { volatile: nicVolatile(facts, plugged) };
}

/** The way into the namespace above a running container; only its level matters where the hub is there. */
function parentOf(context: Context, pid: number) {
  if (context.user.uid === 0) return undefined;
  return { pid, level: "parent" as const, map: { uids: [], gids: [] } };
}

async function remove({ context, ref, name, device, config, pid, type }: LiveSite): Promise<LiveResult> {
  if (isHostNetwork(device)) refuseLive(name);
  const nic = readNic(context, ref, name);
  if (nic !== undefined && type === "virtual-machine") {
    await (await import("./nic_machine.ts")).unplugMachineNic(context, ref, nic.veth.name);
  }
  if (nic === undefined) await takeBack(context, ref, name, pid);
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

/** Limits and routes change in place; what else changes means another NIC. */
async function change(site: LiveSite, before: LiveSite["device"]): Promise<boolean> {
  const { context, ref, name, device } = site;
  const live = keys.nic.keys.filter((key) => key.live && !key.name.endsWith("routes")).map((key) => key.name);
  const changed = Object.keys({ ...before, ...device }).filter((key) =>
    (before[key] ?? "") !== (device[key] ?? "")
  );
  const old = readNic(context, ref, name);
  if (old === undefined || !changed.every((key) => live.includes(key))) return false;
  const facts = await gather(site);
  if (!isHubFacts(facts)) return false;
  const now = planNic({ ...facts, random: { ...facts.random, hostName: old.veth.hostName } });
  writeNic(context, now);
  const host = now.veth.hostName;
  const script = now.ingress === undefined
    ? `tc qdisc delete dev ${host} root 2>/dev/null || :\n`
    : `${shape(now.veth, now.ingress)}\n`;
  const result = await run(inHub(hubDirectory(context), ["sh", "-e"]), { stdin: script });
  if (result.code !== 0) throw commandFailed(`Changing "${name}"`, result);
  await applyRules(context);
  return true;
}

async function check({ context, ref, name, device, devices, mayShare }: CheckSite): Promise<void> {
  if (isHostNetwork(device)) return;
  const isUntouched = device["network"] === defaultNetwork && missingNetworkTools() !== undefined;
  if (isUntouched) return;
  const kind = await kindOf(context, ref, { name, device });
  if (kind.type === "bridged" && kind.network !== undefined) {
    checkAddresses(name, device, kind.network);
    if (mayShare) return; // refused at its start
    const { refuseShared } = await import("../networks/nics.ts");
    const { bridge, network } = kind;
    await refuseShared(context, { ref, name, device, devices }, { bridge, network });
  }
}
