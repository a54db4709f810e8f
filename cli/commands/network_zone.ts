// drey network zone: zones of DNS.

import {
  type NetworkZone,
  type NetworkZonePut,
  networkZonePut,
  networkZonesPost,
} from "../../wire/network_zone.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import { type Owner, readSettings, settingsCommands } from "../settings.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await client.call("network.zones.list", {
    query: { recursion: 1, "all-projects": isWide || undefined },
  });
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
  const { description, config } = await readSettings(shell, shell.typed.args.slice(1), networkZonesPost);
  await client.call("network.zones.create", { body: { name: zone, description, config } });
  shell.print(`Network zone ${zone} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, zone } = await read(shell);
  await client.call("network.zone.delete", { params: { zone } });
  shell.print(`Network zone ${zone} deleted\n`);
}

const writable = ({ description, config }: NetworkZone): NetworkZonePut => ({ description, config });

async function open(shell: Shell): Promise<Owner<NetworkZonePut>> {
  const { client, zone } = await read(shell);
  const params = { zone };
  return {
    title: `network zone "${zone}"`,
    schema: networkZonePut,
    async read() {
      const { value, etag } = await client.read("network.zone.get", { params });
      return { whole: value, value: writable(value), etag };
    },
    async write(body, etag) {
      await client.call("network.zone.update", { params, body, etag });
    },
  };
}

async function read(shell: Shell) {
  const { remote, name: zone } = resolveName(shell.typed.args[0] ?? "", "network zone");
  return { client: await shell.connect(remote), zone };
}
