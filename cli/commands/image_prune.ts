// drey image prune: room for something else.

import { binarySize, type Format, formatList } from "../output.ts";
import { toTable } from "../columns.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function prune(shell: Shell): Promise<void> {
  const { typed } = shell;
  const client = await shell.connect(resolveOnServer(typed.args[0] ?? "").remote);
  const isPlan = typed.has("plan");
  const items = await client.call("images.prune", { body: { plan: isPlan } });
  const table = toTable(items, [
    { header: "KIND", cell: ({ kind }) => kind },
    { header: "NAME", cell: ({ name }) => name.slice(0, 12) },
    { header: "SIZE", cell: ({ size }) => binarySize(size) },
    { header: "ABOUT", cell: ({ about }) => about },
  ]);
  shell.print(await formatList(typed.text("format") as Format, table, items));
  if (typed.text("format") !== "table") return;
  const sum = binarySize(items.reduce((total, { size }) => total + size, 0));
  shell.print(isPlan ? `${sum} would be freed\n` : `${sum} freed\n`);
}
