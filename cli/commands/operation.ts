// drey operation: what runs in the background, or did a moment ago.

import { toTable } from "../columns.ts";
import { type Format, formatList, longDate, toYaml, yesNo } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const byStatus = await client.call("operations.list", {
    query: { recursion: 1, "all-projects": shell.typed.has("all-projects") || undefined },
  });
  const found = Object.values(byStatus).flat();
  const table = toTable(found, [
    { header: "ID", cell: ({ id }) => id },
    { header: "TYPE", cell: ({ class: kind }) => kind.toUpperCase() },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "STATUS", cell: ({ status }) => status.toUpperCase() },
    { header: "CANCELABLE", cell: ({ may_cancel }) => yesNo(may_cancel) },
    { header: "CREATED", cell: ({ created_at }) => longDate(created_at) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, id } = await read(shell);
  shell.print(await toYaml(await client.call("operation.get", { params: { id } })));
}

export async function cancel(shell: Shell): Promise<void> {
  const { client, id } = await read(shell);
  await client.call("operation.cancel", { params: { id } });
  shell.print(`Operation ${id} deleted\n`);
}

async function read(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "operation");
  return { client: await shell.connect(remote), id: name };
}
