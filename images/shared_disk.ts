// The disk of a virtual machine in two places without a second copy: as a file of its image, and in the tree that
// instances stand on. It is one file, which the map's root owns and everybody else, drey too, only reads.

import { openMappedRoot } from "../idmap/holder.ts";
import { type IdMap, toHost, toNamespace } from "../idmap/map.ts";
import { type Account, readLayout } from "../idmap/ranges.ts";
import { commandFailed, run } from "../sys/run.ts";

// a link cannot be had on another file system
const script = `if [ "$4" = link ] && ln -- "$2" "$3" 2>/dev/null; then :; ` +
  `else cp --reflink=auto --sparse=always -- "$2" "$3"; fi; chown -- "$1" "$3"`;

/**
 * Gives a file a second name and the map's root for an owner; copies it if it belongs to another map's root already.
 *
 * @throws {DreyError} `NO_SPACE`
 */
export async function shareFile(
  path: string,
  name: string,
  { map, account }: { map: IdMap; account: Account },
): Promise<void> {
  const { uid } = await Deno.lstat(path);
  const [owner, group] = [toHost(map.uids, 0), toHost(map.gids, 0)];
  const argv = (ids: readonly (number | undefined)[]) => {
    if (ids.includes(undefined)) throw new Error("The root of a map has no id here");
    const way = uid === account.uid || uid === owner ? "link" : "copy";
    return ["/bin/sh", "-ec", script, "sh", ids.join(":"), path, name, way];
  };
  const { parent } = await readLayout(account);
  if (parent === undefined) return told(await run(argv([owner, group])));
  await using mapped = await openMappedRoot(parent);
  const inside = [toNamespace(parent.uids, owner ?? -1), toNamespace(parent.gids, group ?? -1)];
  told(await mapped.run(argv(inside)));
}

function told(result: Awaited<ReturnType<typeof run>>): void {
  if (result.code !== 0) throw commandFailed("sh", result);
}
