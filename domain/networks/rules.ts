// The rules in force in the hub: what networks, NICs and access control lists come to.

import { type BridgeFeatures, type LogEntry, logSetsOf, parseLog, refusalSetsOf } from "../../network/acl.ts";
import { firewallText } from "../../network/firewall.ts";
import { inHub, isSameService, runInHub, startService } from "../../network/hub.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Context } from "../context.ts";
import { hairpinScript, hostPorts } from "./host_ports.ts";
import { hubDirectory, isHubWhole, planNetworks, readUp, tableName } from "./hub_state.ts";
import { pluggedNics } from "./nic_files.ts";
import { dnsmasqService, type NetworkPlan } from "./plan.ts";
import { networkRecords } from "./record.ts";

/** Runs lines of sh in the hub that must all succeed. */
export async function mustRun(directory: string, script: string): Promise<void> {
  const result = await runInHub(directory, script);
  if (result.code !== 0) throw commandFailed("The set-up of the network", result);
}

/** Lines of sh that bring rules in force. */
export const nftScript = (text: string) => `nft -f - <<'NFT'\n${text}NFT\n`;

/** All rules there are to be. */
export async function rulesText(context: Context, plans: readonly NetworkPlan[]): Promise<string> {
  const nics = pluggedNics(context);
  const records = (await networkRecords(context)).map(({ ref, record }) => ({ name: ref.name, record }));
  const hasAcls = nics.some(({ acls }) => acls["security.acls"]) ||
    records.some(({ record }) => record.config["security.acls"]);
  const { planAcls } = await import("./acl_plan.ts");
  const acls = hasAcls ? await planAcls(context, nics, records) : [];
  return firewallText({
    table: tableName(context),
    networks: plans.map(({ rules }) => rules),
    nics: nics.map(({ rules }) => rules),
    ports: await hostPorts(context, plans.map(({ bridge }) => bridge.name)),
    acls,
    features: acls.length > 0 ? await bridgeFeatures(context) : { tracks: true, rejects: true },
  });
}

/** What bridges can do here, found out by asking for rules that are not kept. */
async function bridgeFeatures(context: Context): Promise<BridgeFeatures> {
  const takes = async (rule: string) => {
    const text =
      `table bridge drey_probe {\nchain probe {\ntype filter hook forward priority 0;\n${rule}\n}\n}\n`;
    const argv = inHub(hubDirectory(context), ["nft", "--check", "-f", "-"]);
    return (await run(argv, { stdin: text })).code === 0;
  };
  const [tracks, rejects] = await Promise.all([takes("ct state established accept"), takes("reject")]);
  return { tracks, rejects };
}

/**
 * Held from the look at what there is until the rules of it are in force. Otherwise the slower of two would bring in force
 * what it has seen earlier, without the filters of a NIC that has come meanwhile.
 */
export const lockRules = (context: Context): Promise<AsyncDisposable> =>
  context.store.lock(["network-rules"]);

/** Brings the rules in force to what networks and NICs say now. The hub must be there. */
export async function applyRules(context: Context): Promise<void> {
  await using _lock = await lockRules(context);
  const up = readUp(context);
  if (up === undefined) return;
  const plans = await planNetworks(context, up.networks, up.uplink);
  const text = await rulesText(context, plans);
  const bridged = "for file in ip ip6 arp; do f=/proc/sys/net/bridge/bridge-nf-call-${file}tables; " +
    "[ ! -e $f ] || echo 1 >$f; done\n";
  // marks are made by the machine's own rules, which bridged packets only meet with this
  const needsMarks = text.includes("chain markin");
  const hairpins = text.includes(" dnat ") ? hairpinScript(context) : "";
  await mustRun(
    hubDirectory(context),
    (needsMarks ? bridged.replace(" arp", "") : "") + nftScript(text) + hairpins,
  );
}

/** Brings access control up to date: its rules, the marking they rest on, and the names it lets through. */
export async function applyAcls(context: Context): Promise<void> {
  if (readUp(context) === undefined || !isHubWhole(context)) return;
  await applyRules(context);
  // a name that is let through must be known where names are resolved
  const up = readUp(context);
  const plans = await planNetworks(context, up?.networks ?? [], up?.uplink);
  for (const service of plans.flatMap(dnsmasqService)) {
    if (!isSameService(hubDirectory(context), service)) await startService(hubDirectory(context), service);
  }
}

/** What an ACL has counted since its last packet of a kind, no longer ago than a day. */
export const readAclLog = (context: Context, name: string): Promise<LogEntry[]> =>
  readSets(context, logSetsOf(name));

/** What a network has refused, likewise. */
export const readRefusals = (context: Context, network: string): Promise<LogEntry[]> =>
  readSets(context, refusalSetsOf(network));

async function readSets(context: Context, names: readonly string[]): Promise<LogEntry[]> {
  if (!isHubWhole(context)) return [];
  const read = names.map(async (set) => {
    const argv = ["nft", "--json", "list", "set", "bridge", tableName(context), set];
    const result = await run(inHub(hubDirectory(context), argv));
    return result.code === 0 ? parseLog(result.stdout) : []; // there is no set before a NIC obeys an ACL
  });
  return (await Promise.all(read)).flat();
}
