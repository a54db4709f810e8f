import { assertEquals, assertRejects } from "@std/testing";
import { concat } from "@std/bytes";
import { join } from "@std/path";
import type { Client } from "../../client/client.ts";
import { encodeEntry, endOfTree, type TreeEntry } from "../../client/tree_stream.ts";
import { pullStream } from "./file_tree.ts";

const plain = { mode: 0o755, uid: 0, gid: 0, size: 0, target: "" };

for (
  const [what, entries] of Object.entries<TreeEntry[]>({
    "a link it sent before": [
      { ...plain, type: "symlink", name: "a", target: "../mine" },
      { ...plain, type: "file", name: "a", size: 4 },
    ],
    "a link that was there": [{ ...plain, type: "file", name: "old", size: 4 }],
    "a directory that is a link": [
      { ...plain, type: "directory", name: "up" },
      { ...plain, type: "file", name: "up/mine", size: 4 },
    ],
  })
) {
  Deno.test(`a server does not write through ${what} when a tree is pulled`, async () => {
    const directory = await Deno.makeTempDir();
    const [tree, mine] = [join(directory, "tree"), join(directory, "mine")];
    await Deno.mkdir(tree);
    await Deno.writeTextFile(mine, "mine");
    await Deno.symlink("../mine", join(tree, "old"));
    await Deno.symlink("..", join(tree, "up"));
    const top: TreeEntry = { ...plain, type: "directory", name: "" };
    const parts = [top, ...entries].flatMap((entry) => [
      encodeEntry(entry),
      new TextEncoder().encode("evil".slice(0, entry.size)),
    ]);
    const client = {
      transport: { kind: "unix" },
      raw: () => Promise.resolve(new Response(concat([...parts, endOfTree]))),
    } as unknown as Client;
    await assertRejects(() => pullStream({ client, name: "c1", path: "/" }, tree));
    assertEquals(await Deno.readTextFile(mine), "mine");
    await Deno.remove(directory, { recursive: true });
  });
}
