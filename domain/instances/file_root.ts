// A root over the files and cgroups of the user's containers, which belong to sub-ids: opened beside other work, since
// it takes a while, and only where a user needs one.

import { type MappedRoot, openMappedRoot } from "../../idmap/holder.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { commandFailed, run } from "../../sys/run.ts";
import type { Context } from "../context.ts";

export interface FileRoot extends AsyncDisposable {
  /** runs a command that must succeed, as root of all the user's ids */
  run(argv: readonly string[]): Promise<void>;
}

/** Begins to open a root; dispose it whether it was used or not. */
export function openFileRoot(context: Context): FileRoot {
  const opened = open(context);
  opened.catch(() => {}); // told to whoever uses it
  return {
    async run(argv) {
      const root = await opened;
      const result = await run(root === undefined ? argv : root.command(argv));
      if (result.code !== 0) throw commandFailed(argv[0] ?? "", result);
    },
    async [Symbol.asyncDispose]() {
      const root = await opened.catch(() => undefined);
      await root?.[Symbol.asyncDispose]();
    },
  };
}

async function open(context: Context): Promise<MappedRoot | undefined> {
  const { parent, kind } = await readLayout(context.user);
  return parent === undefined || kind === "single" ? undefined : await openMappedRoot(parent);
}
