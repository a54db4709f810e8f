// `deno task warm`: takes a container through its life with V8's log of what it compiles, and notes in warm.json which
// functions the bundle is to compile in advance. Worth a run now and then; an old list costs milliseconds, no more.

import { join } from "@std/path";
import { deferBuiltins } from "./lazy_builtins.ts";
import { closeDrey, imageFiles, openDrey } from "./drey.ts";
import { rawBundle } from "./package.ts";
import { type Warm, warmOf } from "./warm_functions.ts";

const target = new URL("warm.json", import.meta.url);

const directory = await Deno.makeTempDir({ prefix: "drey-warm-" });
try {
  const raw = join(directory, "raw.js");
  const built = await rawBundle(raw);
  if ("problem" in built) throw new Error(built.problem);
  const text = deferBuiltins(await Deno.readTextFile(raw));
  await Deno.writeTextFile(raw, text);
  const program = join(directory, "drey");
  const flags = `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${directory}/%p.log`;
  // without the cache of earlier starts, which holds what is warm already
  const run =
    `exec ${Deno.execPath()} run -A --no-config --no-lock --quiet --no-code-cache ${flags} ${raw} "$@"`;
  await Deno.writeTextFile(program, `#!/bin/sh\n${run}\n`, { mode: 0o755 });
  Deno.env.set("DREY_TEST_PROGRAM", program);
  await liveOnce();
  const logs = [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".log"));
  const all: Record<string, string[]> = {};
  for (const { name } of logs) {
    add(all, warmOf(text, await Deno.readTextFile(join(directory, name)), "/raw.js"));
  }
  // outside packages are loaded by servers only
  const ours = Object.entries(all).filter(([module]) => !module.startsWith(".."));
  const sorted = ours.sort(([a], [b]) => a < b ? -1 : 1).map(([module, names]) => [module, names.sort()]);
  await Deno.writeTextFile(target, `${JSON.stringify(Object.fromEntries(sorted))}\n`);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", target.pathname] }).output();
  console.log(`${sorted.length} modules in ${target.pathname}`);
} finally {
  await Deno.remove(directory, { recursive: true });
}

/** The commands that should be fast. */
async function liveOnce(): Promise<void> {
  const drey = await openDrey();
  try {
    await drey`image import ${await imageFiles("tiny")} --alias tiny`;
    for (const { name } of [...Deno.readDirSync(directory)].filter(({ name }) => name.endsWith(".log"))) {
      await Deno.remove(join(directory, name));
    }
    await drey`launch tiny c1`;
    await drey`list`;
    await drey`exec c1 -- true`;
    await drey`stop --force c1`;
    await drey`start c1`;
    await drey`delete --force c1`;
  } finally {
    await closeDrey(drey);
  }
}

function add(all: Record<string, string[]>, warm: Warm): void {
  for (const [module, names] of Object.entries(warm)) {
    all[module] = [...new Set([...all[module] ?? [], ...names])];
  }
}
