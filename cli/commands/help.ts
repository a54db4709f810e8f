// drey help: the page of a command.

import { commands, groups } from "../commands.ts";
import { help as page } from "../help.ts";
import { parse } from "../parse.ts";
import type { Shell } from "../shell.ts";

export function help(shell: Shell): Promise<void> {
  // read as if it were typed with --help, so that aliases and misspellings are understood
  const parsed = parse([...shell.typed.args, "--help"], { commands, groups });
  if (parsed.kind === "help") shell.print(page(parsed.topic, { commands, groups }));
  return Promise.resolve();
}
