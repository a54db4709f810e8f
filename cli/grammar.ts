// Which rows of the table of commands a line needs. Most lines are about instances, whose rows stand in one file: to
// make the others takes each command 1 ms, and Deno another to read them back.

import type { Grammar } from "./parse.ts";
import * as instances from "./table/instances.ts";

/** The rows that tell how to read what was typed: those of instances if its first word is one of theirs, else all. */
export async function grammarFor([first]: readonly string[]): Promise<Grammar> {
  const isInstances = instances.commands.some(({ path }) => path === first);
  return isInstances ? { commands: instances.commands, groups: [] } : await wholeGrammar();
}

/** The whole table. */
export async function wholeGrammar(): Promise<Grammar> {
  const { commands, groups } = await import("./commands.ts");
  return { commands, groups };
}
