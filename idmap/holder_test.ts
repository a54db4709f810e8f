import { assertEquals, assertMatch } from "@std/testing";
import { eventually } from "../tests/support/eventually.ts";
import { openMappedRoot } from "./holder.ts";
import { readLayout } from "./ranges.ts";

const uid = Deno.uid() ?? 0;
const layout = await readLayout({ uid, gid: Deno.gid() ?? 0, name: Deno.env.get("USER") ?? "" });

Deno.test({
  name: "openMappedRoot() runs programs one after the other and side by side, and tells all they said",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    await using root = await openMappedRoot(layout.parent!);
    assertEquals(await root.run(["id", "-u"]), { code: 0, stdout: "0\n", stderr: "" });
    const failing = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    assertEquals(await root.run(failing), { code: 3, stdout: "out\n", stderr: "err\n" });
    const many = await root.run(["seq", "100000"]);
    assertEquals(many.stdout.length, 588_895);
    const both = await Promise.all([root.run(["echo", "a b", ""]), root.run(["echo", "é"])]);
    assertEquals(both.map(({ stdout }) => stdout), ["a b \n", "é\n"]);
    assertEquals((await root.run(["sh", "-c", "kill -9 $$"])).code, 137);
    assertEquals((await root.run(["no-such-program"])).code, 127);
  },
});

Deno.test({
  name: "openMappedRoot() keeps what runs beside a busy holder out of reach of Ctrl-C",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    await using root = await openMappedRoot(layout.parent!);
    const session = (stat: string) => stat.split(" ")[5];
    const [, beside] = await Promise.all([root.run(["true"]), root.run(["cat", "/proc/self/stat"])]);
    assertEquals(session(beside.stdout), beside.stdout.split(" ")[0]);
  },
});

Deno.test({
  name:
    "openMappedRoot() runs programs beside a holder that AppArmor has confined, and by the holder otherwise",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    const profile = await Deno.makeTempFile({ prefix: "drey-holder-" });
    try {
      await Deno.writeTextFile(profile, "unprivileged_userns (enforce)\n");
      const parentOf = ["sh", "-c", "echo $PPID"];
      await using confined = await openMappedRoot(layout.parent!, profile);
      assertEquals(await confined.run(parentOf), { code: 0, stdout: `${Deno.pid}\n`, stderr: "" });
      assertEquals((await confined.run(["id", "-u"])).stdout, "0\n");
      await using free = await openMappedRoot(layout.parent!, "/nowhere");
      assertEquals((await free.run(parentOf)).stdout, `${free.pid}\n`);
      await confined.leave(["rm", "-f", profile]);
    } finally {
      await Deno.remove(profile).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  },
});

Deno.test({
  name:
    "openMappedRoot() removes trees whole, follows no link out of them, and tells what rm says where it cannot",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "drey-holder-" });
    const at = (name: string) => `${directory}/${name}`;
    try {
      await using root = await openMappedRoot(layout.parent!);
      await Deno.mkdir(at("kept"));
      await Deno.writeTextFile(at("kept/file"), "");
      await Deno.mkdir(at("tree/a/b/c"), { recursive: true });
      await Deno.writeTextFile(at("tree/a/two words\nand a line"), "");
      await Deno.symlink("../kept", at("tree/link"));
      await Deno.symlink("nowhere", at("tree/a/b/dangling"));
      // a directory of a sub-id that even its owner may not look into
      assertEquals((await root.run(["chown", "-R", "1:1", at("tree/a")])).code, 0);
      assertEquals((await root.run(["chmod", "000", at("tree/a"), at("tree/a/b")])).code, 0);
      const paths = [at("tree"), at("kept/file"), at("no-such-tree")];
      assertEquals(await root.run(["rm", "-rf", "--", ...paths]), { code: 0, stdout: "", stderr: "" });
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["kept"]);
      const refused = await root.run(["rm", "-rf", "--", at("kept"), "/proc/version"]);
      assertEquals(refused.code, 1);
      assertMatch(refused.stderr, /rm: .*\/proc\/version/);
      assertEquals([...Deno.readDirSync(directory)], []);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "openMappedRoot() goes on with what it was left with when drey does not, and answers what else it is asked",
  ignore: layout.parent === undefined || layout.kind === "single",
  // its end is not waited for
  sanitizeOps: false,
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "drey-holder-" });
    const at = (name: string) => `${directory}/${name}`;
    const isThere = (name: string) => [...Deno.readDirSync(directory)].some((entry) => entry.name === name);
    try {
      const root = await openMappedRoot(layout.parent!);
      await Deno.mkdir(at("tree/a"), { recursive: true });
      assertEquals((await root.run(["chown", "-R", "1:1", at("tree/a")])).code, 0);
      const waits = (name: string) => `while ! [ -e ${at("go")} ]; do sleep 0.01; done; touch ${at(name)}`;
      await root.leave(["rm", "-rf", "--", at("tree")]);
      assertEquals((await root.run(["echo", "x"])).stdout, "x\n");
      assertEquals(isThere("tree"), false, "one after the other");
      await root.leave(["sh", "-c", waits("first")]);
      await root.leave(["sh", "-c", waits("second")]);
      await root[Symbol.asyncDispose]();
      assertEquals([isThere("first"), isThere("second")], [false, false]);
      await Deno.writeTextFile(at("go"), "");
      await eventually("both are done", () => isThere("first") && isThere("second"), 10);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "openMappedRoot() and what it runs go on when a terminal interrupts whoever is at it",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    await using root = await openMappedRoot(layout.parent!);
    Deno.kill(root.pid, "SIGINT");
    assertEquals((await root.run(["sh", "-c", "kill -INT $$; echo there"])).stdout, "there\n");
  },
});

// renameat2(2) with RENAME_EXCHANGE: each directory turns into a link and back
const swapping = String.raw`my ($call, $directory, $kept) = @ARGV;
chdir $directory; mkdir "x$_" for 1 .. 20; symlink $kept, "l$_" for 1 .. 200;
syswrite STDOUT, "ready";
my ($k, $j) = (1, 1);
while ($k <= 200 and $j <= 20) {
  my ($one, $other) = ("x$j", "l$k");
  next if syscall($call + 0, -100, $one, -100, $other, 2) >= 0;
  lstat $one ? $k++ : $j++;
}`;

Deno.test({
  name: "openMappedRoot() follows no link that somebody puts in the place of a directory it removes",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "drey-holder-" });
    const [tree, kept] = [`${directory}/tree`, `${directory}/kept`];
    await Deno.mkdir(kept);
    for (let name = 0; name < 50; name++) await Deno.writeTextFile(`${kept}/${name}`, "");
    const call = Deno.build.arch === "x86_64" ? "316" : "276";
    await using root = await openMappedRoot(layout.parent!);
    for (let round = 0; round < 3; round++) {
      await Deno.mkdir(tree);
      const argv = ["-e", swapping, call, tree, kept];
      const swapper = new Deno.Command("perl", { args: argv, stdout: "piped" }).spawn();
      const reader = swapper.stdout.getReader();
      await reader.read();
      await reader.cancel();
      await root.run(["rm", "-rf", "--", tree]);
      try {
        swapper.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await swapper.status;
      await root.run(["rm", "-rf", "--", tree]);
      assertEquals([...Deno.readDirSync(kept)].length, 50);
    }
    await Deno.remove(directory, { recursive: true });
  },
});
