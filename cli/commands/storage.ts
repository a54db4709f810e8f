// drey storage: the pools instances and images live in.

import { DreyError } from "../../errors.ts";
import type { StoragePool, StoragePoolPut } from "../../wire/storage_pool.ts";
import { toTable } from "../columns.ts";
import { getProperty, setProperty, type Writable } from "../configured.ts";
import { edit as editYaml, parseYaml, readStdin } from "../editor.ts";
import { binarySize, type Format, formatList, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { isStdinFile } from "../terminal.ts";
import { readPairs } from "./config.ts";

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const found = await client.call("pools.list", { query: { recursion: 1 } }) as StoragePool[];
  const table = toTable(found, [
    { header: "NAME", cell: ({ name }) => name },
    { header: "DRIVER", cell: ({ driver }) => driver },
    { header: "SOURCE", cell: ({ config }) => config.source ?? "" },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
    { header: "STATE", cell: ({ status }) => status.toUpperCase() },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  shell.print(await toYaml(await client.call("pool.get", { params: { pool: name } })));
}

export async function info(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const params = { pool: name };
  const [pool, { space, layers }] = await Promise.all([
    client.call("pool.get", { params }),
    client.call("pool.resources", { params }),
  ]);
  const size = shell.typed.has("bytes") ? String : binarySize;
  shell.print(
    await toYaml({
      info: {
        name: pool.name,
        description: pool.description,
        driver: pool.driver,
        "space used": size(space.used),
        "total space": size(space.total),
      },
      ...layers !== undefined && {
        "layers of application images": {
          images: layers.images,
          layers: layers.layers,
          "shared by several images": layers.shared,
          stored: size(layers.size),
          "without sharing": size(layers.apart),
        },
      },
      "used by": pool.used_by,
    }),
  );
}

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const [, driver = "", ...words] = shell.typed.args;
  const fromFile = isStdinFile() ? await parseYaml(await readStdin()) as StoragePoolPut : {};
  const description = shell.typed.text("description") ?? fromFile.description ?? "";
  const config = { ...fromFile.config, ...await readPairs(words) };
  await client.call("pools.create", { body: { name, driver, description, config } });
  shell.print(`Storage pool ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  await client.call("pool.delete", { params: { pool: name } });
  shell.print(`Storage pool ${name} deleted\n`);
}

export async function edit(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const params = { pool: name };
  const { value, etag } = await client.read("pool.get", { params });
  const writable: StoragePoolPut = { config: value.config, description: value.description };
  await editYaml(shell, writable, async (body) => {
    await client.call("pool.update", { params, body: { ...writable, ...body }, etag });
  });
}

export async function get(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const key = shell.typed.args[1] ?? "";
  const pool = await client.call("pool.get", { params: { pool: name } });
  const value = shell.typed.has("property") ? getProperty({ ...pool }, key) : pool.config[key] ?? "";
  shell.print(`${value}\n`);
}

export async function set(shell: Shell): Promise<void> {
  const pairs = await readPairs(shell.typed.args.slice(1));
  await change(shell, (pool) => {
    if (!shell.typed.has("property")) return Object.assign(pool.config, pairs);
    for (const [key, text] of Object.entries(pairs)) setProperty(pool, key, text);
  });
}

export async function unset(shell: Shell): Promise<void> {
  const key = shell.typed.args[1] ?? "";
  await change(shell, (pool) => {
    if (shell.typed.has("property")) return setProperty(pool, key, "");
    if (key in pool.config) return void delete pool.config[key];
    throw new DreyError("NOT_FOUND", {
      message: `Cannot unset key "${key}": the storage pool does not set it`,
    });
  });
}

async function change(shell: Shell, edit: (pool: Writable) => void): Promise<void> {
  const { client, name } = await read(shell);
  const params = { pool: name };
  const { value: { config, description }, etag } = await client.read("pool.get", { params });
  const writable: Writable = { config, description, devices: {} };
  edit(writable);
  const body = { config: writable.config, description: writable.description };
  await client.call("pool.update", { params, body, etag });
}

async function read(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "storage pool");
  return { client: await shell.connect(remote), name };
}
