// drey network zone record: records of zones of DNS that were added by hand.

import { DreyError } from "../../errors.ts";
import {
  type NetworkZoneRecord,
  type NetworkZoneRecordPut,
  networkZoneRecordPut,
  networkZoneRecordsPost,
} from "../../wire/network_zone.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName } from "../resolve.ts";
import { change, type Owner, ownerOf, readSettings, settingsCommands } from "../settings.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open, 2);

export async function list(shell: Shell): Promise<void> {
  const { client, params: { zone } } = await read(shell);
  const found = await client.call("network.zone.records.list", {
    params: { zone },
    query: { recursion: 1 },
  });
  const table = toTable(found, [
    { header: "NAME", cell: ({ name }) => name },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    {
      header: "ENTRIES",
      cell: ({ entries }) => entries.map(({ type, value }) => `${type} ${value}`).join("\n"),
    },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, params } = await read(shell);
  shell.print(await toYaml(await client.call("network.zone.record.get", { params })));
}

export async function create(shell: Shell): Promise<void> {
  const { client, params: { zone, name } } = await read(shell);
  const body = {
    entries: [],
    ...await readSettings(shell, shell.typed.args.slice(2), networkZoneRecordsPost),
    name,
  };
  await client.call("network.zone.records.create", { params: { zone }, body });
  shell.print(`Network zone record ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, params } = await read(shell);
  await client.call("network.zone.record.delete", { params });
  shell.print(`Network zone record ${params.name} deleted\n`);
}

export async function addEntry(shell: Shell): Promise<void> {
  const [, , type = "", value = ""] = shell.typed.args;
  const ttl = shell.typed.text("ttl");
  if (ttl !== undefined && !/^\d+$/.test(ttl)) {
    throw new DreyError("BAD_REQUEST", { message: `Invalid ttl "${ttl}": expected seconds` });
  }
  const entry = { type: type.toUpperCase(), value, ...(ttl === undefined ? {} : { ttl: Number(ttl) }) };
  await change(await open(shell), (record) => {
    record.entries = [...record.entries ?? [], entry];
  });
}

export async function removeEntry(shell: Shell): Promise<void> {
  const [, , type = "", value = ""] = shell.typed.args;
  await change(await open(shell), (record) => {
    const old = record.entries ?? [];
    record.entries = old.filter((entry) => entry.type !== type.toUpperCase() || entry.value !== value);
    if (record.entries.length < old.length) return;
    throw new DreyError("NOT_FOUND", { message: "No matching entry found" });
  });
}

function writable({ description, entries, config }: NetworkZoneRecord): NetworkZoneRecordPut {
  return { description, entries, config };
}

async function open(shell: Shell): Promise<Owner<NetworkZoneRecordPut>> {
  const { client, params } = await read(shell);
  return ownerOf({ title: `record "${params.name}"`, schema: networkZoneRecordPut }, {
    get: () => client.read("network.zone.record.get", { params }),
    writable,
    put: (body, etag) => client.call("network.zone.record.update", { params, body, etag }),
  });
}

async function read(shell: Shell) {
  const { remote, name: zone } = resolveName(shell.typed.args[0] ?? "", "network zone");
  return { client: await shell.connect(remote), params: { zone, name: shell.typed.args[1] ?? "" } };
}
