// drey network: the networks instances are plugged into.

import { DreyError } from "../../errors.ts";
import {
  type Network,
  type NetworkAllocation,
  type NetworkPut,
  networkPut,
  networksPost,
} from "../../wire/network.ts";
import { toTable } from "../columns.ts";
import { configured } from "../configured.ts";
import { decimalSize, type Format, formatList, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import { change, type Owner, ownerOf, readSettings, settingsCommands } from "../settings.ts";
import { readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await client.call("networks.list", {
    query: { recursion: 1, "all-projects": isWide || undefined },
  });
  const table = toTable(found, [
    ...(isWide ? [{ header: "PROJECT", cell: ({ project }: Network) => project }] : []),
    { header: "NAME", cell: ({ name }) => name },
    { header: "TYPE", cell: ({ type }) => type },
    { header: "MANAGED", cell: ({ managed }) => managed ? "YES" : "NO" },
    { header: "IPV4", cell: ({ config }) => config["ipv4.address"] ?? "" },
    { header: "IPV6", cell: ({ config }) => config["ipv6.address"] ?? "" },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
    { header: "STATE", cell: ({ status }) => status.toUpperCase() },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  shell.print(await toYaml(await client.call("network.get", { params: { name } })));
}

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const { description, config } = await readSettings(shell, shell.typed.args.slice(1), networksPost);
  const type = shell.typed.text("type");
  const body = { name, description, config, ...(type === undefined ? {} : { type }) };
  await client.call("networks.create", { body });
  shell.print(`Network ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  for (const text of shell.typed.args) {
    const { remote, name } = resolveName(text, "network");
    await (await shell.connect(remote)).call("network.delete", { params: { name } });
    shell.print(`Network ${name} deleted\n`);
  }
}

export async function rename(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const to = shell.typed.args[1] ?? "";
  await client.call("network.rename", { params: { name }, body: { name: to } });
  shell.print(`Network ${name} renamed to ${to}\n`);
}

export async function info(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const state = await client.call("network.state", { params: { name } });
  const { bridge, counters } = state;
  const lines = [
    `Name: ${name}`,
    `MAC address: ${state.hwaddr}`,
    `MTU: ${state.mtu}`,
    `State: ${state.state}`,
    `Type: ${state.type}`,
    "",
    "IP addresses:",
    ...state.addresses.map(({ family, address, netmask, scope }) =>
      `  ${family}\t${address}/${netmask} (${scope})`
    ),
    "",
    "Network usage:",
    `  Bytes received: ${decimalSize(counters.bytes_received)}`,
    `  Bytes sent: ${decimalSize(counters.bytes_sent)}`,
    `  Packets received: ${counters.packets_received}`,
    `  Packets sent: ${counters.packets_sent}`,
    ...(bridge === null ? [] : [
      "",
      "Bridge:",
      `  ID: ${bridge.id}`,
      `  STP: ${bridge.stp}`,
      `  Forward delay: ${bridge.forward_delay}`,
      `  Default VLAN ID: ${bridge.vlan_default}`,
      `  VLAN filtering: ${bridge.vlan_filtering}`,
      `  Upper devices: ${bridge.upper_devices.join(", ")}`,
    ]),
  ];
  shell.print(`${lines.join("\n")}\n`);
}

export async function leases(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const found = await client.call("network.leases", { params: { name } });
  const table = toTable(found, [
    { header: "HOSTNAME", cell: ({ hostname }) => hostname },
    { header: "MAC ADDRESS", cell: ({ hwaddr }) => hwaddr },
    { header: "IP ADDRESS", cell: ({ address }) => address },
    { header: "TYPE", cell: ({ type }) => type.toUpperCase() },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function log(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const found = await client.call("network.refusals", { params: { name } });
  const table = toTable(found, [
    { header: "TIME", cell: ({ time }) => time },
    { header: "SOURCE", cell: ({ src }) => src },
    { header: "DESTINATION", cell: ({ dst }) => dst },
    { header: "PROTOCOL", cell: ({ proto }) => proto },
    { header: "PORT", cell: ({ dst_port }) => dst_port === 0 ? "" : String(dst_port) },
    { header: "PACKETS", cell: ({ packets }) => String(packets) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function allocations(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await client.call("network.allocations", { query: { "all-projects": isWide || undefined } });
  const table = toTable(found, [
    { header: "USED BY", cell: ({ used_by }: NetworkAllocation) => used_by },
    { header: "ADDRESS", cell: ({ addresses }) => addresses },
    { header: "TYPE", cell: ({ type }) => type },
    { header: "NAT", cell: ({ nat }) => nat ? "YES" : "NO" },
    { header: "MAC ADDRESS", cell: ({ hwaddr }) => hwaddr },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

/** Puts a card on a network into an instance or a profile: `network owner [device [interface]]`. */
export const attach = (kind: "instance" | "profile") => async (shell: Shell): Promise<void> => {
  const [network = "", owner = "", device, name] = shell.typed.args;
  const { remote, name: found } = resolveName(network, "network");
  const { managed, type } = await (await shell.connect(remote)).call("network.get", {
    params: { name: found },
  });
  const target = await configured(shell, kind, `${remote.name}:${owner}`);
  await change(target, ({ devices }) => {
    const wanted = device ?? found;
    if (Object.hasOwn(devices, wanted)) {
      throw new DreyError("ALREADY_EXISTS", {
        message: `The ${target.title} has a device "${wanted}" already`,
      });
    }
    const connection: Record<string, string> = managed
      ? { network: found }
      : { nictype: type === "bridge" ? "bridged" : "macvlan", parent: found };
    const inside = name ?? (device === undefined ? undefined : device);
    devices[wanted] = { type: "nic", ...connection, ...(inside === undefined ? {} : { name: inside }) };
  });
};

/** Takes the card on a network out again. */
export const detach = (kind: "instance" | "profile") => async (shell: Shell): Promise<void> => {
  const [network = "", owner = "", device] = shell.typed.args;
  const { remote, name } = resolveName(network, "network");
  const target = await configured(shell, kind, `${remote.name}:${owner}`);
  await change(target, ({ devices }) => {
    const cards = Object.entries(devices).filter(([, { type, network, parent }]) =>
      type === "nic" && (network === name || parent === name)
    ).map(([name]) => name);
    const wanted = device ?? (cards.length === 1 ? cards[0] : undefined);
    if (wanted !== undefined && cards.includes(wanted)) return void delete devices[wanted];
    if (device === undefined && cards.length > 1) {
      throw new DreyError("BAD_REQUEST", {
        message: `The ${target.title} has several devices on network "${name}": name one of ${
          cards.join(", ")
        }`,
      });
    }
    const what = device === undefined ? "device" : `device "${device}"`;
    throw new DreyError("NOT_FOUND", {
      message: `The ${target.title} has no ${what} of its own on network "${name}"`,
    });
  });
};

async function open(shell: Shell): Promise<Owner<NetworkPut>> {
  const { client, name } = await read(shell);
  const params = { name };
  return ownerOf({ title: `network "${name}"`, schema: networkPut }, {
    get: () => client.read("network.get", { params }),
    writable: ({ config, description }) => ({ config, description }),
    put: (body, etag) => client.call("network.update", { params, body, etag }),
  });
}

const read = (shell: Shell) => readName(shell, "network");
