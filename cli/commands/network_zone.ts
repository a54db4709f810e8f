// drey network zone: zones of DNS.

import type { NetworkZone, NetworkZonePut } from "../../wire/network_zone.ts";
import { toTable } from "../columns.ts";
import { getProperty } from "../configured.ts";
import { changeKeys, withoutKey } from "../described.ts";
import { edit as editYaml, parseYaml, readStdin } from "../editor.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { isStdinFile } from "../terminal.ts";
import { readPairs } from "./config.ts";

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await client.call("network.zones.list", {
    query: { recursion: 1, "all-projects": isWide || undefined },
  }) as NetworkZone[];
  const table = toTable(found, [
    ...(isWide ? [{ header: "PROJECT", cell: ({ project }: NetworkZone) => project }] : []),
    { header: "NAME", cell: ({ name }) => name },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  shell.print(await toYaml(await client.call("network.zone.get", { params: { zone } })));
}

export async function create(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  const fromFile = isStdinFile() ? await parseYaml(await readStdin()) as NetworkZonePut : {};
  const description = shell.typed.text("description") ?? fromFile.description ?? "";
  const config = { ...fromFile.config, ...await readPairs(shell.typed.args.slice(1)) };
  await client.call("network.zones.create", { body: { name: zone, description, config } });
  shell.print(`Network zone ${zone} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  await client.call("network.zone.delete", { params: { zone } });
  shell.print(`Network zone ${zone} deleted\n`);
}

export async function edit(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  const params = { zone };
  const { value, etag } = await client.read("network.zone.get", { params });
  await editYaml(shell, writable(value), async (body) => {
    await client.call("network.zone.update", { params, body: { ...writable(value), ...body }, etag });
  });
}

export async function get(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  const key = shell.typed.args[1] ?? "";
  const found = await client.call("network.zone.get", { params: { zone } });
  const value = shell.typed.has("property") ? getProperty({ ...found }, key) : found.config[key] ?? "";
  shell.print(`${value}\n`);
}

export async function set(shell: Shell): Promise<void> {
  const pairs = await readPairs(shell.typed.args.slice(1));
  await change(shell, (old) => changeKeys(old, pairs, shell.typed.has("property")));
}

export async function unset(shell: Shell): Promise<void> {
  await change(shell, (old) => withoutKey(old, shell.typed.args[1] ?? "", "network zone"));
}

async function change(shell: Shell, edit: (old: NetworkZonePut) => NetworkZonePut): Promise<void> {
  const { client, zone } = await read(shell);
  const params = { zone };
  const { value, etag } = await client.read("network.zone.get", { params });
  await client.call("network.zone.update", { params, body: edit(writable(value)), etag });
}

const writable = ({ description, config }: NetworkZone): NetworkZonePut => ({ description, config });

async function read(shell: Shell) {
  const { remote, name: zone } = resolveName(shell.typed.args[0] ?? "", "network zone");
  return { client: await shell.connect(remote), zone };
}
