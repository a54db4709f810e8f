// drey storage: the pools instances and images live in.

import type { StoragePool } from "../../wire/storage_pool.ts";
import { toTable } from "../columns.ts";
import { binarySize, type Format, formatList, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "local:").remote);
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
  const [pool, { space }] = await Promise.all([
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
      "used by": pool.used_by,
    }),
  );
}

async function read(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "storage pool");
  return { client: await shell.connect(remote), name };
}
