// Files of backups without a record: what is left where drey was killed between the two.

import { join } from "@std/path";
import { isAbandoned, isPartial } from "../../sys/partial.ts";
import { namesIn, removeIfThere } from "../../sys/present.ts";
import type { Key } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { finishLater, noteIntent } from "../intents.ts";
import { backupsRoot, type Subject } from "./record.ts";

type Place = Pick<Subject, "directory" | "prefix">;

/** Removes the files of things that no record of a backup tells of. The caller holds the locks of the things. */
export async function removeUnrecorded(context: Context, places: readonly Place[]): Promise<void> {
  for (const { directory, prefix } of places) {
    const known = (await context.store.list(prefix)).map(({ key }) => key.at(-1));
    const path = join(backupsRoot(context), directory);
    for (const name of namesIn(path)) {
      if (isPartial(name) ? isAbandoned(name) : !known.includes(name)) removeIfThere(join(path, name));
    }
    if (namesIn(path).length === 0) removeIfThere(path);
  }
}

/** Changes records of backups and their files: whenever it ends, files that no record tells of go. */
export async function withFiles(
  context: Context,
  subjects: readonly Subject[],
  work: () => Promise<void>,
): Promise<void> {
  const places = subjects.map(({ directory, prefix }): Place => ({ directory, prefix }));
  const locks = subjects.map(({ key }): Key => key).sort((a, b) => a.join("/") < b.join("/") ? -1 : 1);
  const noted = noteIntent({ do: "backups", of: places }, locks);
  await context.store.commit([], [noted.write]);
  const finish = () => finishLater(context, noted, () => removeUnrecorded(context, places));
  try {
    await work();
  } catch (error) {
    await finish().catch(() => {}); // the next command tries again; why the work failed is what is told
    throw error;
  }
  await finish();
}
