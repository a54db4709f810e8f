import { assert, assertEquals } from "@std/testing";
import { join } from "@std/path";
import { openMappedRoot } from "./holder.ts";
import { type IdMap, punch } from "./map.ts";
import { readLayout } from "./ranges.ts";
import { isIdle, shiftArgv, shiftBetween } from "./shift.ts";

const uid = Deno.uid() ?? 0;
const layout = await readLayout({ uid, gid: Deno.gid() ?? 0, name: Deno.env.get("USER") ?? "" });

const shared: IdMap = {
  uids: [{ nsId: 0, hostId: 100_000, count: 65_536 }],
  gids: [{ nsId: 0, hostId: 100_000, count: 65_536 }],
};

Deno.test("shiftBetween() leads from one container's ids to another's", () => {
  const other = { uids: [{ nsId: 0, hostId: 300_000, count: 1000 }], gids: shared.gids };
  assertEquals(shiftBetween(shared, other), {
    uids: [{ nsId: 100_000, hostId: 300_000, count: 1000 }],
    gids: [{ nsId: 100_000, hostId: 100_000, count: 65_536 }],
  });
});

Deno.test("shiftBetween() moves the one id that was punched, and back", () => {
  const hole = { nsId: 1000, hostId: 1234, count: 1 };
  const punched = punch(shared, { uids: [hole], gids: [] });
  const find = (map: IdMap, id: number) =>
    map.uids.map(({ nsId, hostId, count }) => id >= nsId && id < nsId + count ? hostId + id - nsId : [])
      .flat();
  const there = shiftBetween(shared, punched);
  assertEquals([find(there, 100_999), find(there, 101_000), find(there, 101_001)], [[100_999], [1234], [
    101_001,
  ]]);
  assertEquals(find(shiftBetween(punched, shared), 1234), [101_000]);
  assert(!isIdle(there));
  assert(isIdle(shiftBetween(shared, shared)));
});

// renameat2(2) with RENAME_EXCHANGE, as another user: each name is a directory and a link in turn
const swapping = String.raw`my ($number, $tree, $victim) = @ARGV; chdir $tree or die;
for (1 .. 100) { mkdir "d$_"; symlink $victim, "l$_" }
chown 7, 7, '.'; $> = 7;
syswrite STDOUT, "swapping\n";
until (-e 'stop') { for (1 .. 100) { my ($one, $two) = ("d$_", "l$_"); syscall $number + 0, -100, $one, -100, $two, 2 } }`;

Deno.test({
  name: "shiftArgv() changes no file outside, whatever becomes of the tree meanwhile",
  ignore: layout.kind !== "ranges",
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "drey-shift-" });
    const [tree, victim] = [join(directory, "tree"), join(directory, "victim")];
    await Deno.mkdir(tree);
    await Deno.mkdir(victim);
    await Deno.writeTextFile(join(victim, "file"), "of the user\n");
    await using root = await openMappedRoot(layout.parent!);
    const exchange = Deno.build.arch === "x86_64" ? "316" : "276";
    const [program = "", ...args] = root.command(["perl", "-e", swapping, exchange, tree, victim]);
    const swapper = new Deno.Command(program, { args, stdout: "piped" }).spawn();
    const said = swapper.stdout.getReader();
    await said.read();
    for (const [from, to] of [[0, 5], [5, 0], [0, 5]] as const) {
      const ranges = [{ nsId: from, hostId: to, count: 1 }];
      assertEquals((await root.run(shiftArgv(tree, { uids: ranges, gids: [] }))).stderr, "");
      assertEquals((await Deno.stat(join(victim, "file"))).uid, uid);
    }
    await root.run(["touch", join(tree, "stop")]);
    await said.cancel();
    assert((await swapper.status).success);
    assertEquals((await root.run(["rm", "-rf", "--", directory])).code, 0);
  },
});
