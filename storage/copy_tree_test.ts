import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { openMappedRoot } from "../idmap/holder.ts";
import { readLayout } from "../idmap/ranges.ts";
import { copyArgv } from "./copy_tree.ts";

const uid = Deno.uid() ?? 0;
const layout = await readLayout({ uid, gid: Deno.gid() ?? 0, name: Deno.env.get("USER") ?? "" });

Deno.test({
  name: "what copies a tree sees nothing of the host but programs, the tree and the copy",
  ignore: layout.kind !== "ranges",
  async fn() {
    const directory = await Deno.makeTempDir();
    const [from, to] = [join(directory, "one"), join(directory, "two")];
    await Deno.mkdir(from);
    await Deno.mkdir(to);
    await Deno.symlink("/etc/hostname", join(from, "link"));
    await using root = await openMappedRoot(layout.parent!);
    const argv = copyArgv(from, to);
    assertEquals((await root.run(argv)).code, 0);
    assertEquals(await Deno.readLink(join(to, "link")), "/etc/hostname");
    const looking = argv.map((word) => word.replace(/exec 'cp'.*;/, "exec 'sh', '-c', 'ls -A /; exit 3';"));
    const { code, stderr } = await root.run(looking);
    assertEquals(code, 3, stderr);
    const programs = /^(usr|bin|sbin|lib|lib32|lib64|libx32)$/;
    assertEquals(stderr.trim().split("\n").filter((name) => !programs.test(name)), ["from", "proc", "to"]);
    await Deno.remove(directory, { recursive: true });
  },
});
