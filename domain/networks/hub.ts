// The user's hub: when it starts and ends, and which networks are up in it. Whoever plugs something in calls
// `ensureNetwork`; who took the last thing out calls `leaveHub`.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { parseSubnet, type Subnet } from "../../config/address.ts";
import { firewallRemoval } from "../../network/firewall.ts";
import {
  endHub,
  hubPid,
  reviveHub,
  type Service,
  startHub,
  startService,
  stopService,
} from "../../network/hub.ts";
import {
  bridgeAddressLines,
  bridgePortsAwayLines,
  bridgePortsLines,
  ipScript,
  keptRoutes,
  listInterfaces,
  ownInterfaces,
} from "../../network/links.ts";
import { resolverAddress, uplinkArgs, type UplinkChoice, uplinkSubnet } from "../../network/uplink.ts";
import { createSupervisorsCgroup, supervisorsCgroup } from "../../runtime/cgroups.ts";
import { inParentNamespace } from "../../runtime/parent_command.ts";
import { removeIfThere } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import { planHome } from "../cgroup_home.ts";
import type { Context } from "../context.ts";
import {
  hubDirectory,
  isHostHub,
  isHubWhole,
  keptNetworks,
  lockHub,
  type ParentWay,
  planNetworks,
  readUp,
  tableName,
  type UpFile,
  upFile,
  writeUp,
} from "./hub_state.ts";
import { forgetLeases } from "./lease_files.ts";
import { hasHub, pluggedNics } from "./nic_files.ts";
import {
  bringUpScript,
  dnsmasqService,
  dnsService,
  forwardingScript,
  ipv6Script,
  type NetworkPlan,
  ownAwayScript,
  takeDownScript,
} from "./plan.ts";
import { networkDirectory, networkRecords } from "./record.ts";
import { applyRules, lockRules, mustRun, nftScript, rulesText } from "./rules.ts";
import { hasIpv6Route, hostSubnets } from "./subnets.ts";
import { readUplink } from "./uplink.ts";

/**
 * Makes sure that the hub is there and, if one is named, that a network is up in it. The caller has written what it
 * plugs in before, so that the hub does not end meanwhile.
 *
 * @param parent the way into the namespace the hub belongs to, if it must be started
 * @returns what of the network does not work, for people
 */
export async function ensureNetwork(
  context: Context,
  network: string | undefined,
  parent: ParentWay,
): Promise<string[]> {
  const isUp = () => {
    const up = isHubWhole(context) ? readUp(context) : undefined;
    return up !== undefined && isSameOwner(up, parent) &&
      (network === undefined || up.networks.includes(network));
  };
  if (isUp()) return [];
  await bringUp(context, { network, parent, isUp });
  if (network === undefined) return [];
  const { applyForwards } = await import("./forwards.ts");
  try {
    await applyForwards(context, network, { keepTrying: true });
  } catch (error) {
    // what takes a port of the host is no affair of the instances
    if (!(error instanceof DreyError)) throw error;
    return [`network "${network}" is up without one of its forwards: ${error.message}`];
  }
  return [];
}

async function bringUp(
  context: Context,
  { network, parent, isUp }: { network: string | undefined; parent: ParentWay; isUp: () => boolean },
): Promise<void> {
  await using _lock = await lockHub(context);
  if (isUp()) return;
  const wanted = network === undefined ? [] : [network];
  const up = readUp(context);
  if (up !== undefined && isHubWhole(context) && isSameOwner(up, parent)) {
    return await addNetworks(context, up, wanted);
  }
  await openHub(context, wanted, parent);
}

/** Containers can only be joined to a hub that belongs to the namespace above them. */
function isSameOwner({ owner }: UpFile, parent: ParentWay): boolean {
  if (parent === undefined || parent.level === "parent") return true;
  return owner === userNamespace(parent.pid);
}

function userNamespace(pid: number): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/user`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Starts a hub with some networks up; the caller holds its lock. */
export async function openHub(
  context: Context,
  networks: readonly string[],
  parent: ParentWay,
): Promise<void> {
  const directory = hubDirectory(context);
  const uplink = isHostHub(context) ? undefined : readUplink();
  const subnet = uplink?.tool === undefined ? undefined : uplinkSubnet(await usedSubnets(context));
  const plans = await planNetworks(context, networks, subnet);
  const home = planHome(context)?.path;
  for (const plan of plans) prepareFiles(context, plan);
  await forgetLeases(context, networks);
  await using _rules = await lockRules(context);
  await startHub({
    directory,
    enter: parent === undefined ? undefined : (argv) => inParentNamespace(parent, argv),
    setup: [
      forwardingScript,
      ...isHostHub(context) ? [await leftoversAway(context)] : [],
      ...plans.map(bringUpScript),
      nftScript(await rulesText(context, plans)),
    ].join(""),
    services: [...plans.flatMap(dnsmasqService), ...uplinkService(uplink, subnet)],
    cgroup: home === undefined ? undefined : createSupervisorsCgroup(home),
  });
  const keeper = hubPid(directory);
  writeUp(context, {
    owner: keeper === undefined ? "" : userNamespace(keeper),
    networks: [...networks],
    uplink: subnet === undefined ? undefined : resolverAddress(subnet),
  });
}

function uplinkService(choice: UplinkChoice | undefined, subnet: Subnet | undefined): Service[] {
  if (choice?.tool === undefined || subnet === undefined) return [];
  const argv = uplinkArgs(choice.tool, { subnet, hasIpv6: hasIpv6Route() });
  return [{ name: "uplink", argv, isInside: false }];
}

async function usedSubnets(context: Context): Promise<Subnet[]> {
  const own = (await networkRecords(context)).flatMap(({ record: { config } }) =>
    [config["ipv4.address"], config["ipv6.address"]].map((text) => parseSubnet(text ?? ""))
  );
  return [...hostSubnets(), ...own.filter((subnet) => subnet !== undefined)];
}

function prepareFiles(context: Context, { bridge, raw }: NetworkPlan): void {
  const directory = networkDirectory(context, bridge.name);
  Deno.mkdirSync(join(directory, "hosts"), { recursive: true, mode: 0o700 });
  if (raw !== undefined) Deno.writeTextFileSync(join(directory, "raw.conf"), `${raw}\n`);
}

async function addNetworks(context: Context, up: UpFile, names: readonly string[]): Promise<void> {
  const directory = hubDirectory(context);
  const plans = await planNetworks(context, names, up.uplink);
  for (const plan of plans) prepareFiles(context, plan);
  await forgetLeases(context, names);
  const all = [...up.networks, ...names];
  await using _rules = await lockRules(context);
  const rules = await rulesText(context, await planNetworks(context, all, up.uplink));
  const away = isHostHub(context) ? plans.map((plan) => leftoverScript(context, plan)).join("") : "";
  try {
    await mustRun(directory, [away, ...plans.map(bringUpScript), nftScript(rules)].join(""));
  } catch (error) {
    // half a bridge would be in the way; where it cannot be removed now, the next attempt does so first, and says why
    await mustRun(directory, away).catch(() => {});
    throw error;
  }
  for (const service of plans.flatMap(dnsmasqService)) await startService(directory, service);
  writeUp(context, { ...up, networks: all });
}

/**
 * Lines of sh that remove what is there of a network which is not up: somebody was killed while it came or went. Only
 * what is marked as this drey's own goes.
 */
function leftoverScript(context: Context, { bridge: { name, tunnels } }: NetworkPlan): string {
  return [name, ...tunnels.map((tunnel) => `${name}-${tunnel.name}`)].map((link) =>
    ownAwayScript(link, tableName(context))
  ).join("");
}

/** Ends the hub, unless something is plugged in or up for good. Called when something was taken out. */
export async function leaveHub(context: Context): Promise<void> {
  const directory = hubDirectory(context);
  if (!hasHub(context)) return;
  await using _lock = await lockHub(context);
  const up = readUp(context);
  // first this, then the look: who plugs in meanwhile writes, then looks for this
  removeIfThere(upFile(context));
  if (pluggedNics(context).length > 0 || (await keptNetworks(context)).length > 0) {
    if (up !== undefined) writeUp(context, up);
    return;
  }
  const { stopForwards } = await import("./forwards.ts");
  await stopForwards(context);
  if (isHostHub(context)) await cleanHost(context);
  await endHub(directory);
}

/**
 * What ends by itself with a namespace must be undone by hand on the host. No record says what was made there, since
 * whoever made it may have been killed before it was written.
 */
async function cleanHost(context: Context): Promise<void> {
  const owner = tableName(context);
  await using _rules = await lockRules(context);
  await mustRun(hubDirectory(context), await leftoversAway(context) + nftScript(firewallRemoval(owner)));
}

/** Lines of sh that remove every interface which is marked as this drey's. */
const leftoversAway = async (context: Context) =>
  ownInterfaces(await runChecked(listInterfaces), tableName(context)).map(takeDownScript).join("");

/** Brings a network that is up to what its record says now. */
export async function refreshNetwork(context: Context, name: string): Promise<void> {
  await using _lock = await lockHub(context);
  const up = isHubWhole(context) ? readUp(context) : undefined;
  if (up === undefined || !up.networks.includes(name)) return;
  const directory = hubDirectory(context);
  const [plan] = await planNetworks(context, [name], up.uplink);
  if (plan === undefined) return;
  prepareFiles(context, plan);
  const { keep, putBack } = keptRoutes(name);
  const flush = `ip addr flush dev ${name}\n` +
    [4, 6].map((family) => `ip -${family} route flush dev ${name} proto static 2>/dev/null || :\n`).join("") +
    `ip link set ${name} address ${plan.bridge.hwaddr} mtu ${plan.bridge.mtu}\n`;
  const addresses = ipv6Script(plan.bridge) + ipScript(bridgeAddressLines(plan.bridge));
  await mustRun(directory, keep + flush + addresses + putBack + portsScript(context, plan));
  const services = dnsmasqService(plan);
  if (services.length === 0) stopService(directory, dnsService(name));
  for (const service of services) await startService(directory, service);
  await applyRules(context);
}

/** Ports that lead elsewhere, which only root's bridges have. */
function portsScript(context: Context, { bridge }: NetworkPlan): string {
  if (!isHostHub(context)) return "";
  return [...portsAwayLines(context, bridge.name), ...bridgePortsLines(bridge)].join("\n") + "\n";
}

const portsAwayLines = (context: Context, bridge: string) =>
  bridgePortsAwayLines(bridge, tableName(context), pluggedNics(context).map(({ veth }) => veth.hostName));

/** Holds a network for down whose bridge somebody else has removed. Answers whether it was so. */
export async function forgetLost(context: Context, name: string): Promise<boolean> {
  if (!isHostHub(context)) return false;
  await using _lock = await lockHub(context);
  const up = isHubWhole(context) ? readUp(context) : undefined;
  if (up === undefined || !up.networks.includes(name)) return false;
  const present = ownInterfaces(await runChecked(listInterfaces), tableName(context));
  if (present.includes(name)) return false;
  stopService(hubDirectory(context), dnsService(name));
  writeUp(context, { ...up, networks: up.networks.filter((other) => other !== name) });
  return true;
}

/** Removes a network that nothing uses any more from the hub. */
export async function takeNetworkDown(context: Context, name: string): Promise<void> {
  await using _lock = await lockHub(context);
  const up = isHubWhole(context) ? readUp(context) : undefined;
  if (up === undefined || !up.networks.includes(name)) return;
  stopService(hubDirectory(context), dnsService(name));
  const remove = isHostHub(context)
    ? [...portsAwayLines(context, name), ownAwayScript(name, tableName(context))].join("\n")
    : takeDownScript(name);
  await mustRun(hubDirectory(context), remove);
  writeUp(context, { ...up, networks: up.networks.filter((other) => other !== name) });
  await applyRules(context);
  const { applyForwards } = await import("./forwards.ts");
  await applyForwards(context, name);
}

/**
 * Mends what was killed: a hub of which something is left goes on under a new holder; of one that is gone, the caller
 * must plug everything in again.
 *
 * @returns whether everything must be plugged in again
 */
export async function mendHub(context: Context): Promise<boolean> {
  const home = planHome(context)?.path;
  const up = readUp(context);
  const cgroup = home === undefined ? undefined : supervisorsCgroup(home);
  return up === undefined || !await reviveHub(hubDirectory(context), cgroup);
}
