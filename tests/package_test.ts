// The two forms drey is handed out in, made and run away from the source tree.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { run as runQuietly, runChecked } from "../sys/run.ts";
import { moveCold } from "./support/cold_modules.ts";
import { deferBuiltins } from "./support/lazy_builtins.ts";
import { bundle, compile, rawBundle } from "./support/package.ts";
import warm from "./support/warm.json" with { type: "json" };

const root = join(import.meta.dirname!, "..");

/** Runs a built program in a directory of its own, with deno on the PATH and nothing else of ours. */
async function runBuilt(program: string, directory: string, ...args: string[]): Promise<string> {
  const deno = Deno.execPath();
  const path = `${deno.slice(0, deno.lastIndexOf("/"))}:/usr/bin:/bin`;
  const env = { ...Deno.env.toObject(), PATH: path, DREY_DIR: join(directory, "state"), NO_COLOR: "1" };
  return await runChecked([program, ...args], { cwd: directory, env });
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

Deno.test("a list and the help enter nothing that the bundle sets aside (else: deno task warm)", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-bundle-" });
  try {
    const raw = join(directory, "drey.js");
    const built = await rawBundle(raw);
    assert("path" in built);
    const text = moveCold(deferBuiltins(await Deno.readTextFile(raw)), warm);
    const start = "function __cold() {";
    assertStringIncludes(text, start);
    await Deno.writeTextFile(raw, text.replace(start, `${start} throw new Error("cold");`));
    const env = { ...Deno.env.toObject(), DREY_DIR: join(directory, "state") };
    const call = (...argv: string[]) =>
      runChecked([Deno.execPath(), "run", "-A", "--no-config", "--quiet", ...argv], { env });
    // the first one makes the state
    await runChecked([Deno.execPath(), "run", "-A", "--quiet", join(root, "cli.ts"), "list"], { env });
    await call(raw, "list");
    assertMatch(await call(raw, "--help"), /Usage:/);
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
    const env = { ...Deno.env.toObject(), DREY_DIR: join(directory, "state") };
    // the first one makes the state
    for (const flag of ["--quiet", flags]) {
      await runChecked([Deno.execPath(), "run", "-A", "--no-config", flag, built.path, "list"], { env });
    }
    const scripts = (await Deno.readTextFile(log)).matchAll(/^script-details,\d+,(ext:[^,]*),/gm);
    const loaded = [...scripts].map(([, name = ""]) => name);
    assert(loaded.some((name) => name.includes("sqlite")), loaded.join());
    // each of these takes 2 to 20 ms: requests, streams, timers, certificates
    const dear = loaded.filter((name) => /23_re|06_streams|deno_node\/(?!sqlite|02_)/.test(name));
    const few = ["crypto/_keys.ts", "util/types.ts", "internal_binding/types.ts"];
    assertEquals(dear.filter((name) => !few.some((end) => name.endsWith(end))), []);
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
