// Removing what was unpacked of images: trees whose files belong to any of the user's ids.

import { openMappedRoot } from "../idmap/holder.ts";
import { type Account, readLayout } from "../idmap/ranges.ts";
import { partialName } from "../sys/partial.ts";
import { runChecked } from "../sys/run.ts";

/** Removes trees whose files belong to any of the user's ids. */
export async function removeTrees(paths: readonly string[], account: Account): Promise<void> {
  if (paths.length === 0) return;
  const layout = await readLayout(account);
  if (layout.parent === undefined) {
    await runChecked(["rm", "-rf", "--", ...paths]);
    return;
  }
  await using mapped = await openMappedRoot(layout.parent);
  await runChecked(mapped.command(["rm", "-rf", "--", ...paths]));
}

/**
 * Removes trees beside the caller, who need not wait for it: they are out of sight at once, and the process that goes on
 * with it stands in the names they have until they are gone.
 */
export async function removeTreesLater(paths: readonly string[], account: Account): Promise<void> {
  const { parent, kind } = await readLayout(account);
  await using mapped = parent === undefined || kind === "single" ? undefined : await openMappedRoot(parent);
  const doomed = paths.map((path) => partialName(path, mapped?.pid));
  for (const [index, path] of paths.entries()) await Deno.rename(path, doomed[index] ?? path);
  if (mapped === undefined) return await removeTrees(doomed, account);
  await mapped.leave(["rm", "-rf", "--", ...doomed]);
}
