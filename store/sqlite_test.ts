import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { Paths } from "../sys/paths.ts";
import { networkFileSystemName, onNetwork } from "./database_directory.ts";
import { openStore } from "./sqlite.ts";
import { testStore } from "./store_contract.ts";

function temporaryPaths(): Paths {
  const state = Deno.makeTempDirSync({ prefix: "drey-store-" });
  return { state, run: join(state, "run"), config: join(state, "config") };
}

let current: Paths;

/** A test with paths of its own, which go with it. */
function test(sentence: string, body: (paths: Paths) => Promise<void>): void {
  Deno.test(sentence, async () => {
    const paths = temporaryPaths();
    try {
      await body(paths);
    } finally {
      await Deno.remove(paths.state, { recursive: true });
    }
  });
}

testStore("sqlite", {
  async open() {
    const paths = current = temporaryPaths();
    const store = await openStore(paths);
    const close = store[Symbol.asyncDispose].bind(store);
    return Object.assign(store, {
      again: () => openStore(paths),
      [Symbol.asyncDispose]: async () => {
        await close();
        await Deno.remove(paths.state, { recursive: true });
      },
    });
  },
  elsewhere(statements) {
    const module = JSON.stringify(new URL("./sqlite.ts", import.meta.url).href);
    const program = `import { openStore } from ${module};
      const store = await openStore(${JSON.stringify(current)});
      ${statements}
      await store[Symbol.asyncDispose]();`;
    const root = new URL("..", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--ext=js", `--config=${root}deno.json`, program],
      stdout: "piped",
    }).spawn();
    const output = child.output().then(({ stdout }) => new TextDecoder().decode(stdout));
    return { output, kill: () => child.kill("SIGKILL") };
  },
});

test("openStore() makes private directories and a WAL database", async (paths) => {
  await Deno.remove(paths.state);
  await using store = await openStore(paths);
  await (await store.lock(["a"]))[Symbol.asyncDispose]();
  for (const path of [paths.state, join(paths.state, "database"), join(paths.run, "locks")]) {
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o700, path);
  }
  assert((await Array.fromAsync(Deno.readDir(join(paths.run, "locks")))).length === 0);
});

test("openStore() refuses the database of a newer drey and leaves it alone", async (paths) => {
  await (await openStore(paths))[Symbol.asyncDispose]();
  const database = new DatabaseSync(join(paths.state, "database", "drey.db"));
  database.exec("PRAGMA user_version = 999");
  database.close();
  const error = await assertRejects(() => openStore(paths), DreyError);
  assertEquals(error.code, "STATE_BROKEN");
  assertStringIncludes(error.message, "a newer drey has written it (schema 999");
});

test("openStore() says so when the file is no database", async (paths) => {
  await Deno.mkdir(join(paths.state, "database"));
  await Deno.writeTextFile(join(paths.state, "database", "drey.db"), "not a database, but long".repeat(100));
  const error = await assertRejects(() => openStore(paths), DreyError);
  assertEquals(error.code, "STATE_BROKEN");
  assertStringIncludes(error.hint ?? "", "DREY_DIR");
});

test("ten connections may open a new database at once", async (paths) => {
  const stores = await Promise.all(Array.from({ length: 10 }, () => openStore(paths)));
  for (const [index, store] of stores.entries()) await store.commit([], [{ key: [`k${index}`], value: 1 }]);
  assertEquals((await stores[0]?.list([]))?.length, 10);
  for (const store of stores) await store[Symbol.asyncDispose]();
});

test("old tombstones go, entries stay", async (paths) => {
  await using store = await openStore(paths);
  await store.commit([], [{ key: ["kept"], value: 1 }]);
  for (let n = 0; n < 4700; n++) {
    await store.commit([], [
      n % 2 === 0 ? { key: [`t${n}`], value: 1 } : { key: [`t${n - 1}`], delete: true },
    ]);
  }
  const database = new DatabaseSync(join(paths.state, "database", "drey.db"), { readOnly: true });
  const { rows } = database.prepare("SELECT count(*) AS rows FROM entries").get() as { rows: number };
  database.close();
  assert(rows < 2300, `${rows} rows`);
  assertEquals((await store.get(["kept"]))?.value, 1);
});

Deno.test("a network file system is refused by name, with the setting that moves drey", () => {
  assertEquals(networkFileSystemName(0x6969), "nfs");
  assertEquals(networkFileSystemName(0xff534d42 | 0), "cifs");
  assertEquals(networkFileSystemName(0xef53), undefined);
  const error = onNetwork("/net/home/a", "nfs");
  assertStringIncludes(error.message, "network file system (nfs)");
  assertStringIncludes(error.hint ?? "", "DREY_DIR");
});

test("a commit that cannot be told of has happened all the same", async (paths) => {
  await using store = await openStore(paths);
  // no file, and no time to be set
  await Deno.symlink("changed", join(paths.state, "database", "changed"));
  assertEquals(await store.commit([], [{ key: ["k"], value: 1 }]), true);
  assertEquals((await store.get(["k"]))?.value, 1);
});

test("a store that is opened again sees a file that has taken the old one's place", async (paths) => {
  const first = await openStore(paths);
  await first.commit([], [{ key: ["old"], value: 1 }]);
  await first[Symbol.asyncDispose]();
  await Deno.remove(paths.state, { recursive: true });
  await using second = await openStore(paths);
  assertEquals(await second.list([]), []);
  await second.commit([], [{ key: ["new"], value: 1 }]);
});

test("a process that ends at once leaves all it has committed", async (paths) => {
  const module = new URL("./sqlite.ts", import.meta.url).href;
  const program = `import { openStore } from ${JSON.stringify(module)};
    const store = await openStore(${JSON.stringify(paths)});
    for (let n = 0; n < 300; n++) await store.commit([], [{ key: ["n", String(n)], value: "x".repeat(500) }]);
    await store[Symbol.asyncDispose]();
    Deno.exit(0);`;
  const config = new URL("../deno.json", import.meta.url).pathname;
  const args = ["eval", "--quiet", "--ext=js", `--config=${config}`, program];
  assertEquals((await new Deno.Command(Deno.execPath(), { args }).output()).code, 0);
  await using store = await openStore(paths);
  assertEquals((await store.list(["n"])).length, 300);
});
