// The two forms drey is handed out in, made and run away from the source tree.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { DatabaseSync } from "node:sqlite";
import { basename, join } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { exists } from "../sys/present.ts";
import { run as runQuietly, runChecked } from "../sys/run.ts";
import { eventually } from "./support/eventually.ts";
import { bundle, compile } from "./support/package.ts";

/** Runs a built program in a directory of its own, with deno on the PATH and nothing else of ours. */
async function runBuilt(program: string, directory: string, ...args: string[]): Promise<string> {
  return await runChecked([program, ...args], { cwd: directory, env: environment(directory) });
}

function environment(directory: string): Record<string, string> {
  const deno = Deno.execPath();
  return {
    ...Deno.env.toObject(),
    PATH: `${deno.slice(0, deno.lastIndexOf("/"))}:/usr/bin:/bin`,
    DREY_DIR: join(directory, "state"),
    DREY_CONF: join(directory, "config"),
    XDG_CACHE_HOME: join(directory, "cache"),
    NO_COLOR: "1",
  };
}

/** Where a bundle has put its parts. */
function partsIn(directory: string): string {
  const parent = join(directory, "cache/drey");
  const names = [...Deno.readDirSync(parent)].map(({ name }) => name);
  assertEquals(names.length, 1, names.join());
  return join(parent, names[0]!);
}

Deno.test("the bundle is one file that runs without the source tree", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-bundle-" });
  try {
    const built = await bundle(join(directory, "drey.js"));
    assert("path" in built, "problem" in built ? built.problem : "");
    assertMatch(await runBuilt(built.path, directory, "version"), new RegExp(`\\b${manifest.version}\\b`));
    assertMatch(await runBuilt(built.path, directory, "--help"), /Usage:/);
    // also where the shell has not read its first lines
    const { code } = await runQuietly([Deno.execPath(), "run", "-A", "--no-config", built.path, "--help"]);
    assertEquals(code, 0);
    // these enter the lazy parts: the whole API in process, and its store
    assertEquals(JSON.parse(await runBuilt(built.path, directory, "list", "--format", "json")), []);
    assertMatch(await runBuilt(built.path, directory, "profile", "show", "default"), /name: default/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the bundle loads no built-in module before a part asks for it", async () => {
  const path = await Deno.makeTempFile({ prefix: "drey-bundle-", suffix: ".js" });
  try {
    const built = await bundle(path);
    assert("path" in built);
    const imports = (await Deno.readTextFile(path)).match(/^import .*$/gm) ?? [];
    // nearly every command wants the store
    assertEquals(imports.filter((line) => !line.includes('"node:sqlite"')), []);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a bundle that has run keeps smaller programs for fast commands, which do the same", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-bundle-" });
  try {
    const built = await bundle(join(directory, "drey.js"));
    assert("path" in built);
    const call = (...args: string[]) => runBuilt(built.path, directory, ...args);
    const first = [await call("list"), await call("--help")];
    const parts = partsIn(directory);
    const whole = await Deno.readTextFile(join(parts, "whole.js"));
    const words = /case \$1 in (\S+)\)/.exec(await Deno.readTextFile(built.path))?.[1]?.split("|") ?? [];
    assert(["launch", "list", "exec", "start", "stop", "delete"].every((word) => words.includes(word)));
    const sizes = words.map((word) => Deno.statSync(join(parts, `${word}.mjs`)).size);
    assert(sizes.every((size) => size < whole.length / 2), sizes.join());
    // what a part lacks it takes from the whole, more than once
    assertEquals([await call("list"), await call("--help")], first);
    assertEquals(await call("list", "--format", "yaml"), "[]\n");
    const { code, stderr } = await runQuietly([built.path, "launch", "nowhere:12"], {
      env: environment(directory),
    });
    assertEquals([code, /nowhere/.test(stderr)], [1, true], stderr);
    // what Deno has compiled it keeps, also of those that end without a last turn of the loop: by one of the next
    // commands at the latest, where the machine is too busy for it to be written before the end of the first
    for (const word of ["delete", "exec", "start", "stop"]) {
      await eventually(`Deno keeps what it has compiled of ${word}`, async () => {
        const argv = [built.path, word, "nobody", ...(word === "exec" ? ["true"] : [])];
        assertMatch((await runQuietly(argv, { env: environment(directory) })).stderr, /not found/);
        return keptBy(join(parts, "deno")).includes(`${word}.mjs`);
      }, 0);
    }
    await eventually("Deno keeps what it has compiled of list", async () => {
      assertEquals(await call("list"), first[0]);
      return keptBy(join(parts, "deno")).includes("list.mjs");
    }, 0);
    // a part that is gone is no loss
    await Deno.remove(join(parts, "list.mjs"));
    assertEquals(await call("list"), first[0]);
    assertEquals(partsIn(directory), parts);
    await Deno.stat(join(parts, "list.mjs"));
    // who has no home has no cache
    const homeless = {
      ...environment(directory),
      HOME: "",
      XDG_CACHE_HOME: "",
      DENO_DIR: join(directory, "deno"),
    };
    const wasThere = exists("/.cache/drey");
    const shown = await runChecked([built.path, "list"], { cwd: directory, env: homeless });
    assertEquals([shown, exists("/.cache/drey")], [first[0], wasThere]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a list and the help enter nothing that their programs have not (else: deno task warm)", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-bundle-" });
  try {
    const built = await bundle(join(directory, "drey.js"));
    assert("path" in built);
    const call = (...args: string[]) => runBuilt(built.path, directory, ...args);
    // this one makes the state, and the parts
    await call("list");
    const parts = partsIn(directory);
    for (const word of ["list", "--help"]) {
      const text = await Deno.readTextFile(join(parts, `${word}.mjs`));
      const start = "function __cold(__module){";
      assertStringIncludes(text, start);
      await Deno.writeTextFile(
        join(parts, `${word}.mjs`),
        text.replace(start, `${start}throw new Error("cold");`),
      );
    }
    assertMatch(await call("list"), /NAME/);
    assertMatch(await call("--help"), /Usage:/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a list loads nothing of Deno's own libraries but what the store needs", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-bundle-" });
  try {
    const built = await bundle(join(directory, "drey.js"));
    assert("path" in built);
    const log = join(directory, "v8.log");
    const flags = `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${log}`;
    // the first one makes the state
    await runBuilt(built.path, directory, "list");
    for (const program of [built.path, join(partsIn(directory), "list.mjs")]) {
      const argv = [Deno.execPath(), "run", "-A", "--no-config", flags, program, "list"];
      await runChecked(argv, { env: environment(directory) });
      const scripts = (await Deno.readTextFile(log)).matchAll(/^script-details,\d+,(ext:[^,]*),/gm);
      const loaded = [...scripts].map(([, name = ""]) => name);
      assert(loaded.some((name) => name.includes("sqlite")), loaded.join());
      // each of these takes 2 to 20 ms: requests, streams, timers, certificates
      const dear = loaded.filter((name) => /23_re|06_streams|deno_node\/(?!sqlite|02_)/.test(name));
      const few = ["crypto/_keys.ts", "util/types.ts", "internal_binding/types.ts"];
      assertEquals(dear.filter((name) => !few.some((end) => name.endsWith(end))), []);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("compile makes one binary, or says why it cannot", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-compile-" });
  try {
    const built = await compile(join(directory, "drey"));
    if ("problem" in built) return assertMatch(built.problem, /^Cannot compile: the base binary cannot be/);
    assertMatch(await runBuilt(built.path, directory, "version"), new RegExp(`\\b${manifest.version}\\b`));
    assertEquals(JSON.parse(await runBuilt(built.path, directory, "list", "--format", "json")), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Programs whose compiled code is in a cache of Deno's. */
function keptBy(directory: string): string[] {
  using database = new DatabaseSync(join(directory, "v8_code_cache_v2"));
  const rows = database.prepare("SELECT specifier FROM codecache").all();
  return rows.map((row) => basename(String(row["specifier"])));
}
