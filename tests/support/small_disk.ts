// A disk that is soon full: what the suite has mounted for its user, or one that root mounts.

import { openTestDisks } from "./test_disks.ts";

/** Directory of a small file system, empty; undefined where there is none. */
export async function openSmallDisk(): Promise<(AsyncDisposable & { path: string }) | undefined> {
  const given = Deno.env.get("DREY_TEST_SMALL");
  if (given) {
    const path = await Deno.makeTempDir({ dir: given });
    return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
  }
  if (Deno.uid() !== 0) return undefined;
  const disks = await openTestDisks({ uid: 0, gid: 0 });
  const path = disks.env["DREY_TEST_SMALL"];
  if (path === undefined) return void await disks[Symbol.asyncDispose]();
  return { path: await Deno.makeTempDir({ dir: path }), [Symbol.asyncDispose]: disks[Symbol.asyncDispose] };
}
