// drey image alias: names of images.

import { defaultRemote } from "../../client/remotes.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import { readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const body = {
    name,
    target: shell.typed.args[1] ?? "",
    description: shell.typed.text("description") ?? "",
  };
  await client.call("image.aliases.create", { body });
}

export async function remove(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  await client.call("image.alias.delete", { params: { name } });
}

export async function rename(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  await client.call("image.alias.rename", { params: { name }, body: { name: shell.typed.args[1] ?? "" } });
}

export async function list(shell: Shell): Promise<void> {
  const [first = "", ...rest] = shell.typed.args;
  const { remote, name } = resolveOnServer(first.includes(":") ? first : `${defaultRemote()}:${first}`);
  const client = await shell.connect(remote);
  const found = await client.call("image.aliases.list", { query: { recursion: 1 } });
  const filters = [name, ...rest];
  const shown = found.filter((alias) =>
    filters.every((filter) => alias.name.includes(filter) || alias.target.startsWith(filter))
  );
  const table = toTable(shown, [
    { header: "ALIAS", cell: (alias) => alias.name },
    { header: "FINGERPRINT", cell: ({ target }) => target.slice(0, 12) },
    { header: "TYPE", cell: ({ type }) => type.toUpperCase() },
    { header: "DESCRIPTION", cell: ({ description }) => description },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, shown));
}

const read = (shell: Shell) => readName(shell, "image alias");
