// Things that have a name on a server: read from the first word of a command, and listed.

import type { Client } from "../client/client.ts";
import { toTable } from "./columns.ts";
import { type Format, formatList } from "./output.ts";
import { resolveName, resolveOnServer } from "./resolve.ts";
import type { Shell } from "./shell.ts";

/**
 * What the first word names, with the client of its server.
 *
 * @param what for errors: `network zone`
 * @throws {DreyError} `BAD_REQUEST` for a server without a name
 */
export async function readName(shell: Shell, what: string): Promise<{ client: Client; name: string }> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", what);
  return { client: await shell.connect(remote), name };
}

interface Described {
  name: string;
  description: string;
  project: string;
  used_by: readonly string[];
}

/** Prints what `ask` is told: things of a project, or of all with --all-projects. */
export async function listNamed<T extends Described>(
  shell: Shell,
  ask: (client: Client, query: { recursion: 1; "all-projects": true | undefined }) => Promise<T[]>,
): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await ask(client, { recursion: 1, "all-projects": isWide || undefined });
  const table = toTable(found, [
    ...(isWide ? [{ header: "PROJECT", cell: ({ project }: T) => project }] : []),
    { header: "NAME", cell: ({ name }) => name },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}
