// drey network zone: zones of DNS.

import {
  type NetworkZone,
  type NetworkZonePut,
  networkZonePut,
  networkZonesPost,
} from "../../wire/network_zone.ts";
import { toYaml } from "../output.ts";
import { type Owner, ownerOf, readSettings, settingsCommands } from "../settings.ts";
import { listNamed, readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export const list = (shell: Shell): Promise<void> =>
  listNamed(shell, (client, query) => client.call("network.zones.list", { query }));

export async function show(shell: Shell): Promise<void> {
  const { client, name: zone } = await read(shell);
  shell.print(await toYaml(await client.call("network.zone.get", { params: { zone } })));
}

export async function create(shell: Shell): Promise<void> {
  const { client, name: zone } = await read(shell);
  const { description, config } = await readSettings(shell, shell.typed.args.slice(1), networkZonesPost);
  await client.call("network.zones.create", { body: { name: zone, description, config } });
  shell.print(`Network zone ${zone} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, name: zone } = await read(shell);
  await client.call("network.zone.delete", { params: { zone } });
  shell.print(`Network zone ${zone} deleted\n`);
}

const writable = ({ description, config }: NetworkZone): NetworkZonePut => ({ description, config });

async function open(shell: Shell): Promise<Owner<NetworkZonePut>> {
  const { client, name: zone } = await read(shell);
  const params = { zone };
  return ownerOf({ title: `network zone "${zone}"`, schema: networkZonePut }, {
    get: () => client.read("network.zone.get", { params }),
    writable,
    put: (body, etag) => client.call("network.zone.update", { params, body, etag }),
  });
}

const read = (shell: Shell) => readName(shell, "network zone");
