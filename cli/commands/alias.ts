// drey alias: words of one's own for command lines. They are kept in the file of remotes, where LXD's client has them.

import { configDirectory } from "../../client/connect.ts";
import { aliases } from "../../client/remotes.ts";
import { changeRemotes } from "../../client/remotes_file.ts";
import { DreyError } from "../../errors.ts";
import { splitWords } from "../alias_words.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList } from "../output.ts";
import type { Shell } from "../shell.ts";

export async function list(shell: Shell): Promise<void> {
  const table = toTable(Object.entries(aliases()), [
    { header: "ALIAS", cell: ([alias]) => alias },
    { header: "TARGET", cell: ([, target]) => target },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, aliases()));
}

export async function add(shell: Shell): Promise<void> {
  const [alias = "", target = ""] = shell.typed.args;
  mustBeFree(alias);
  if (splitWords(target).length === 0) throw bad(`The alias "${alias}" must stand for something`);
  await change((all) => all[alias] = target);
}

export async function remove(shell: Shell): Promise<void> {
  const [alias = ""] = shell.typed.args;
  mustExist(alias);
  await change((all) => delete all[alias]);
}

export async function rename(shell: Shell): Promise<void> {
  const [from = "", to = ""] = shell.typed.args;
  const target = mustExist(from);
  mustBeFree(to);
  await change((all) => {
    delete all[from];
    all[to] = target;
  });
}

async function change(edit: (all: Record<string, string>) => void): Promise<void> {
  await changeRemotes(await configDirectory(), (file) => {
    file.aliases ??= {};
    edit(file.aliases);
  });
}

function mustExist(alias: string): string {
  const target = Object.hasOwn(aliases(), alias) ? aliases()[alias] : undefined;
  if (target !== undefined) return target;
  throw new DreyError("NOT_FOUND", { message: `There is no alias "${alias}"`, hint: "See: drey alias list" });
}

function mustBeFree(alias: string): void {
  if (!/^[^\s-]\S*( \S+)*$/.test(alias) || alias === "__proto__") {
    throw bad(`An alias cannot be called "${alias}"`);
  }
  if (!Object.hasOwn(aliases(), alias)) return;
  throw new DreyError("ALREADY_EXISTS", { message: `There is an alias "${alias}" already` });
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
