// drey storage: the pools instances and images live in.

import { type StoragePoolPut, storagePoolPut, storagePoolsPost } from "../../wire/storage_pool.ts";
import { toTable } from "../columns.ts";
import { binarySize, type Format, formatList, toYaml } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import { type Owner, ownerOf, readSettings, settingsCommands } from "../settings.ts";
import { readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const found = await client.call("pools.list", { query: { recursion: 1 } });
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
  const params = { pool: name };
  shell.print(
    await toYaml(
      shell.typed.has("resources")
        ? await client.call("pool.resources", { params })
        : await client.call("pool.get", { params }),
    ),
  );
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
  const { description, config } = await readSettings(shell, words, storagePoolsPost);
  await client.call("pools.create", { body: { name, driver, description, config } });
  shell.print(`Storage pool ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  await client.call("pool.delete", { params: { pool: name } });
  shell.print(`Storage pool ${name} deleted\n`);
}

async function open(shell: Shell): Promise<Owner<StoragePoolPut>> {
  const { client, name } = await read(shell);
  const params = { pool: name };
  return ownerOf({ title: `storage pool "${name}"`, schema: storagePoolPut }, {
    get: () => client.read("pool.get", { params }),
    writable: ({ config, description }) => ({ config, description }),
    put: (body, etag) => client.call("pool.update", { params, body, etag }),
  });
}

const read = (shell: Shell) => readName(shell, "storage pool");
