// drey warning: what is less than it could be.

import { DreyError } from "../../errors.ts";
import type { Warning } from "../../wire/warning.ts";
import { chooseColumns, type Columns, toTable } from "../columns.ts";
import { type Format, formatList, longDate, toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

const columns: Columns<Warning> = {
  u: { header: "UUID", cell: ({ uuid }) => uuid },
  t: { header: "TYPE", cell: ({ type }) => type },
  S: { header: "STATUS", cell: ({ status }) => status.toUpperCase() },
  s: { header: "SEVERITY", cell: ({ severity }) => severity.toUpperCase() },
  c: { header: "COUNT", cell: ({ count }) => String(count) },
  p: { header: "PROJECT", cell: ({ project }) => project },
  m: { header: "MESSAGE", cell: ({ last_message }) => last_message },
  e: { header: "ABOUT", cell: ({ entity_url }) => entity_url },
  f: { header: "FIRST SEEN", cell: ({ first_seen_at }) => longDate(first_seen_at) },
  l: { header: "LAST SEEN", cell: ({ last_seen_at }) => longDate(last_seen_at) },
};

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const all = await client.call("warnings.list", { query: { recursion: 1 } });
  const found = shell.typed.has("all") ? all : all.filter(({ status }) => status === "new");
  const table = toTable(found, chooseColumns(shell.typed.text("columns") ?? "", columns));
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, uuid } = await read(shell);
  shell.print(await toYaml(await client.call("warning.get", { params: { uuid } })));
}

export async function acknowledge(shell: Shell): Promise<void> {
  const { client, uuid } = await read(shell);
  await client.call("warning.update", { params: { uuid }, body: { status: "acknowledged" } });
}

export async function remove(shell: Shell): Promise<void> {
  const [text] = shell.typed.args;
  if (shell.typed.has("all") === (text !== undefined && !text.endsWith(":"))) {
    throw new DreyError("BAD_REQUEST", { message: "Name one warning, or say --all" });
  }
  if (!shell.typed.has("all")) {
    const { client, uuid } = await read(shell);
    return void await client.call("warning.delete", { params: { uuid } });
  }
  const client = await shell.connect(resolveOnServer(text ?? "").remote);
  for (const { uuid } of await client.call("warnings.list", { query: { recursion: 1 } })) {
    await client.call("warning.delete", { params: { uuid } });
  }
}

async function read(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "warning");
  return { client: await shell.connect(remote), uuid: name };
}
