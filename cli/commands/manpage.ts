// drey manpage: the manual as files.

import { commands, groups } from "../commands.ts";
import { manual, type PageFormat } from "../manual.ts";
import type { Shell } from "../shell.ts";
import { version } from "../version.ts";

export async function manpage(shell: Shell): Promise<void> {
  const [directory = ""] = shell.typed.args;
  const format = shell.typed.text("format") as PageFormat;
  await Deno.mkdir(directory, { recursive: true });
  for (const { name, text } of manual({ commands, groups }, { format, version })) {
    await Deno.writeTextFile(`${directory}/${name}`, text);
  }
}
