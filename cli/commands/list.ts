// drey list: one request, then columns and filters.

import { DreyError } from "../../errors.ts";
import type { InstanceFull } from "../../wire/instance.ts";
import { toTable } from "../columns.ts";
import { parseInstanceColumns } from "../instance_columns.ts";
import { needsState, passes } from "../instance_filters.ts";
import { type Format, formatList } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function list(shell: Shell): Promise<void> {
  const { typed } = shell;
  const format = typed.text("format") as Format;
  const { remote, filters } = readFilters(typed.args);
  if (typed.has("fast") && typed.has("columns")) {
    throw new DreyError("BAD_REQUEST", { message: "Cannot use --fast with --columns: it stands for nsacPt" });
  }
  const letters = typed.has("fast") ? "nsacPt" : typed.text("columns") ?? "";
  const columns = parseInstanceColumns(
    typed.has("all-projects") && !letters.includes("e") ? `e${letters}` : letters,
  );
  // the state of every instance costs a look at each, so it is asked for only where somebody sees it
  const isSeen = format === "json" || format === "yaml" || columns.some((column) => column.needsState);
  const client = await shell.connect(remote);
  const found = await client.call("instances.list", {
    query: {
      recursion: isSeen || filters.some(needsState) ? 2 : 1,
      "all-projects": typed.has("all-projects") || undefined,
    },
  }) as InstanceFull[];
  const shown = found.filter((instance) => passes(instance, filters));
  shell.print(await formatList(format, toTable(shown, columns), shown));
}

// the first word may name a remote, alone or in front of a filter
function readFilters(args: readonly string[]) {
  const [first, ...rest] = args;
  if (first === undefined || !/^[\w-]+:/.test(first) || first.includes("=")) {
    return { remote: resolveOnServer("").remote, filters: args };
  }
  const { remote, name } = resolveOnServer(first);
  return { remote, filters: name === "" ? rest : [name, ...rest] };
}
