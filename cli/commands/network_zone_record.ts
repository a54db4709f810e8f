// drey network zone record: records of zones of DNS that were added by hand.

import { DreyError } from "../../errors.ts";
import type { NetworkZoneRecord, NetworkZoneRecordPut } from "../../wire/network_zone.ts";
import { toTable } from "../columns.ts";
import { getProperty } from "../configured.ts";
import { changeKeys, withoutKey } from "../described.ts";
import { edit as editYaml, parseYaml, readStdin } from "../editor.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { isStdinFile } from "../terminal.ts";
import { readPairs } from "./config.ts";

export async function list(shell: Shell): Promise<void> {
  const { client, params: { zone } } = await read(shell);
  const found = await client.call("network.zone.records.list", {
    params: { zone },
    query: { recursion: 1 },
  }) as NetworkZoneRecord[];
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
  const fromFile = isStdinFile() ? await parseYaml(await readStdin()) as NetworkZoneRecordPut : {};
  const description = shell.typed.text("description") ?? fromFile.description ?? "";
  const config = { ...fromFile.config, ...await readPairs(shell.typed.args.slice(2)) };
  const body = { entries: [], ...fromFile, name, description, config };
  await client.call("network.zone.records.create", { params: { zone }, body });
  shell.print(`Network zone record ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, params } = await read(shell);
  await client.call("network.zone.record.delete", { params });
  shell.print(`Network zone record ${params.name} deleted\n`);
}

export async function edit(shell: Shell): Promise<void> {
  const { client, params } = await read(shell);
  const { value, etag } = await client.read("network.zone.record.get", { params });
  await editYaml(shell, writable(value), async (body) => {
    await client.call("network.zone.record.update", { params, body: { ...writable(value), ...body }, etag });
  });
}

export async function get(shell: Shell): Promise<void> {
  const { client, params } = await read(shell);
  const key = shell.typed.args[2] ?? "";
  const found = await client.call("network.zone.record.get", { params });
  const value = shell.typed.has("property") ? getProperty({ ...found }, key) : found.config[key] ?? "";
  shell.print(`${value}\n`);
}

export async function set(shell: Shell): Promise<void> {
  const pairs = await readPairs(shell.typed.args.slice(2));
  await change(shell, (old) => changeKeys(old, pairs, shell.typed.has("property")));
}

export async function unset(shell: Shell): Promise<void> {
  await change(shell, (old) => withoutKey(old, shell.typed.args[2] ?? "", "record"));
}

export async function addEntry(shell: Shell): Promise<void> {
  const [, , type = "", value = ""] = shell.typed.args;
  const ttl = shell.typed.text("ttl");
  if (ttl !== undefined && !/^\d+$/.test(ttl)) {
    throw new DreyError("BAD_REQUEST", { message: `Invalid ttl "${ttl}": expected seconds` });
  }
  const entry = { type: type.toUpperCase(), value, ...(ttl === undefined ? {} : { ttl: Number(ttl) }) };
  await change(shell, (old) => ({ ...old, entries: [...old.entries ?? [], entry] }));
}

export async function removeEntry(shell: Shell): Promise<void> {
  const [, , type = "", value = ""] = shell.typed.args;
  await change(shell, (old) => {
    const entries = (old.entries ?? []).filter((entry) =>
      entry.type !== type.toUpperCase() || entry.value !== value
    );
    if (entries.length < (old.entries ?? []).length) return { ...old, entries };
    throw new DreyError("NOT_FOUND", { message: "No matching entry found" });
  });
}

async function change(
  shell: Shell,
  edit: (old: NetworkZoneRecordPut) => NetworkZoneRecordPut,
): Promise<void> {
  const { client, params } = await read(shell);
  const { value, etag } = await client.read("network.zone.record.get", { params });
  await client.call("network.zone.record.update", { params, body: edit(writable(value)), etag });
}

function writable({ description, entries, config }: NetworkZoneRecord): NetworkZoneRecordPut {
  return { description, entries, config };
}

async function read(shell: Shell) {
  const { remote, name: zone } = resolveName(shell.typed.args[0] ?? "", "network zone");
  return { client: await shell.connect(remote), params: { zone, name: shell.typed.args[1] ?? "" } };
}
