// drey doctor: what drey needs from this machine, as the server found it.

import type { Prerequisite } from "../../wire/doctor.ts";
import { type Format, formatList } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

/** Prints every prerequisite; the exit status is 1 while one without which instances fail is missing. */
export async function doctor(shell: Shell): Promise<number> {
  const client = await shell.connect(resolveOnServer("local:").remote);
  if (shell.typed.has("fix")) {
    const { installed } = await client.call("doctor.fix");
    shell.say(installed.length === 0 ? "Nothing to install" : `Installed: ${installed.join(", ")}`);
  }
  const found = await client.call("doctor");
  const format = shell.typed.text("format") as Format;
  const fitted = format === "table" ? wrap : (text: string) => text;
  // the order is the order in which things are needed, so rows are not sorted
  const table = {
    header: ["NAME", "STATUS", "FOUND", "WHAT FOR", "FIX"],
    rows: found.map((
      row,
    ) => [row.name, row.status.toUpperCase(), ...[row.found, row.purpose, row.fix].map(fitted)]),
  };
  shell.print(await formatList(format, table, found));
  return found.some(({ status }: Prerequisite) => status === "missing") ? 1 : 0;
}

/** Breaks a sentence into lines that fit a table beside others. */
function wrap(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string;
    if (line.length + word.length < 36 || line === "") lines[lines.length - 1] = `${line} ${word}`.trim();
    else lines.push(word);
  }
  return lines.join("\n");
}
