// drey info: an instance and what it uses; without a name, the server.

import { readAnswer } from "../../client/answers.ts";
import type { Client } from "../../client/client.ts";
import { boundedText } from "../../sys/bounded_text.ts";
import type { InstanceFull, InstanceState, InstanceStateNetwork } from "../../wire/instance.ts";
import type { InstanceSnapshot } from "../../wire/instance_snapshot.ts";
import type { Server, ServerUntrusted } from "../../wire/server.ts";
import { binarySize, dateTime, decimalSize, toYaml } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { drawTable } from "../table.ts";

export async function info(shell: Shell): Promise<void> {
  const { remote, name } = resolveOnServer(shell.typed.args[0] ?? "");
  const client = await shell.connect(remote);
  if (name === "" && shell.typed.has("resources")) {
    shell.print(await toYaml(await client.call("resources.get")));
  } else if (name === "") {
    shell.print(await toYaml(asLxcShows(await client.call("server.get"))));
  } else if (shell.typed.has("plan")) {
    const path = `/internal/instances/${encodeURIComponent(name)}/plan`;
    const answer = await readAnswer(await client.send("GET", path));
    shell.print(`${JSON.stringify(answer.metadata, null, 2)}\n`);
  } else {
    shell.print(await instancePage(client, name));
    if (shell.typed.has("show-log")) shell.print(await logPage(client, name));
  }
}

/** The one thing of the API whose fields have capitals, which no page of `lxc` has. */
function asLxcShows(server: Server | ServerUntrusted) {
  if (!("environment" in server)) return server;
  const { environment } = server;
  const shown = environment.storage_supported_drivers.map(({ Name, Version, Remote }) => ({
    name: Name,
    version: Version,
    remote: Remote,
  }));
  return { ...server, environment: { ...environment, storage_supported_drivers: shown } };
}

async function instancePage(client: Client, name: string): Promise<string> {
  const instance = await client.call("instance.get", {
    params: { name },
    query: { recursion: 1 },
  }) as InstanceFull;
  const { state } = instance;
  const lines = [
    `Name: ${instance.name}`,
    ...(instance.description === "" ? [] : [`Description: ${instance.description}`]),
    `Status: ${instance.status.toUpperCase()}`,
    `Type: ${instance.type}${instance.ephemeral ? " (ephemeral)" : ""}`,
    `Architecture: ${instance.architecture}`,
    ...(state?.pid ? [`PID: ${state.pid}`] : []),
    `Created: ${dateTime(instance.created_at)}`,
    `Last Used: ${dateTime(instance.last_used_at)}`,
    ...(state?.pid ? ["", "Resources:", ...resourceLines(state)] : []),
  ];
  const snapshots = instance.snapshots ?? [];
  return `${lines.join("\n")}\n${snapshots.length === 0 ? "" : snapshotTable(snapshots)}`;
}

function resourceLines(state: InstanceState): string[] {
  const { memory } = state;
  const section = (title: string, lines: string[]) => lines.length === 0 ? [] : [`  ${title}:`, ...lines];
  const sizes = (entries: [string, number][]) =>
    entries.filter(([, bytes]) => bytes > 0).map(([what, bytes]) => `    ${what}: ${binarySize(bytes)}`);
  return [
    `  Processes: ${state.processes}`,
    ...section(
      "Disk usage",
      sizes(Object.entries(state.disk ?? {}).map(([name, { usage }]) => [name, usage])),
    ),
    ...section(
      "CPU usage",
      state.cpu.usage > 0 ? [`    CPU usage (in seconds): ${Math.floor(state.cpu.usage / 1e9)}`] : [],
    ),
    ...section(
      "Memory usage",
      sizes([
        ["Memory (current)", memory.usage],
        ["Memory (peak)", memory.usage_peak],
        ["Swap (current)", memory.swap_usage],
        ["Swap (peak)", memory.swap_usage_peak],
      ]),
    ),
    ...section("Network usage", Object.entries(state.network ?? {}).flatMap(networkLines)),
  ];
}

function networkLines([name, network]: [string, InstanceStateNetwork]): string[] {
  const { counters } = network;
  return [
    `    ${name}:`,
    `      Type: ${network.type}`,
    `      State: ${network.state.toUpperCase()}`,
    ...(network.host_name === "" ? [] : [`      Host interface: ${network.host_name}`]),
    ...(network.hwaddr === "" ? [] : [`      MAC address: ${network.hwaddr}`]),
    ...(network.mtu > 0 ? [`      MTU: ${network.mtu}`] : []),
    `      Bytes received: ${decimalSize(counters.bytes_received)}`,
    `      Bytes sent: ${decimalSize(counters.bytes_sent)}`,
    `      Packets received: ${counters.packets_received}`,
    `      Packets sent: ${counters.packets_sent}`,
    "      IP addresses:",
    ...network.addresses.map(({ family, address, netmask, scope }) =>
      `        ${`${family}:`.padEnd(6)} ${address}/${netmask} (${scope})`
    ),
  ];
}

function snapshotTable(snapshots: readonly InstanceSnapshot[]): string {
  // few pools know
  const isSized = snapshots.some(({ size }) => size >= 0);
  const rows = snapshots.map(({ name, created_at, expires_at, stateful, size }) => [
    name,
    dateTime(created_at),
    expires_at.startsWith("0001-") ? "" : dateTime(expires_at),
    stateful ? "YES" : "NO",
    ...(isSized ? [size < 0 ? "" : binarySize(size)] : []),
  ]);
  const header = ["NAME", "TAKEN AT", "EXPIRES AT", "STATEFUL", ...(isSized ? ["SIZE"] : [])];
  return `\nSnapshots:\n${drawTable({ header, rows })}`;
}

async function logPage(client: Client, name: string): Promise<string> {
  const response = await client.raw("instance.console.log", { params: { name } });
  return `\nLog:\n\n${await boundedText(response)}\n`;
}
