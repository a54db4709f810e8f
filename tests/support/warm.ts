// `deno task warm`: takes a container through its life with V8's log of what it compiles, and notes in warm.json which
// modules the bundle is to keep at hand, and which of their functions it is to compile in advance. Worth a run now and
// then; an old list costs milliseconds, no more.

import { join } from "@std/path";
import { deferBuiltins } from "./lazy_builtins.ts";
import { closeDrey, imageFiles, openDrey } from "./drey.ts";
import { rawBundle } from "./package.ts";
import { type Warm, warmOf } from "./warm_functions.ts";

const fastCommands = [
  "launch tiny c1 --profile alone",
  "list",
  "exec c1 -- true",
  "stop --force c1",
  "start c1",
  "delete --force c1",
];
const otherCommands = [
  "--help",
  "launch tiny c1",
  "exec c1 -- true",
  "stop --force c1",
  "snapshot c1 s0",
  "restore c1 s0",
  "copy c1 c2",
  "start c1",
  "delete --force c1 c2",
];

/** modules that any command may enter, once a minute */
const nowAndThen = ["domain/instances/snapshots/upkeep.ts", "domain/storage_volumes/upkeep.ts"];

const target = new URL("warm.json", import.meta.url);

const directory = await Deno.makeTempDir({ prefix: "drey-warm-" });
try {
  const raw = join(directory, "drey.js");
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
  const logs = await live();
  const all = keepUsed(logs.map(({ log, isFast }) => ({ warm: warmOf(text, log, "/drey.js"), isFast })));
  // outside packages are loaded by servers only
  const ours = Object.entries(all).filter(([module]) => !module.startsWith(".."));
  const sorted = ours.sort(([a], [b]) => a < b ? -1 : 1).map(([module, names]) => [module, names.toSorted()]);
  await Deno.writeTextFile(target, `${JSON.stringify(Object.fromEntries(sorted))}\n`);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", target.pathname] }).output();
  console.log(`${sorted.length} modules in ${target.pathname}`);
} finally {
  await Deno.remove(directory, { recursive: true });
}

/** Modules that any of the commands entered or may enter, and of their functions those that fast ones called. */
function keepUsed(runs: readonly { warm: Warm; isFast: boolean }[]): Warm {
  const modules = new Set([...runs.flatMap(({ warm }) => Object.keys(warm)), ...nowAndThen]);
  const fast = runs.filter(({ isFast }) => isFast).map(({ warm }) => warm);
  return Object.fromEntries(
    [...modules].map((module) => [module, [...new Set(fast.flatMap((warm) => warm[module] ?? []))]]),
  );
}

/** A container without a network goes through the fast commands, one with a network through others. */
async function live(): Promise<{ log: string; isFast: boolean }[]> {
  const drey = await openDrey();
  const logs: { log: string; isFast: boolean }[] = [];
  const run = async (argv: readonly string[], { isFast }: { isFast: boolean }) => {
    const { code, stderr } = await drey.run(argv);
    if (code !== 0) throw new Error(stderr);
    for (const log of await takeLogs()) logs.push({ log, isFast });
  };
  try {
    await drey`image import ${await imageFiles("tiny")} --alias tiny`;
    await drey`profile create alone`;
    await drey`profile device add alone root disk path=/ pool=default`;
    await takeLogs();
    for (const line of fastCommands) await run(line.split(" "), { isFast: true });
    for (const line of otherCommands) await run(line.split(" "), { isFast: false });
  } finally {
    await closeDrey(drey);
  }
  return logs;
}

async function takeLogs(): Promise<string[]> {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    name.endsWith(".log")
  );
  return await Promise.all(names.map(async (name) => {
    const log = await Deno.readTextFile(join(directory, name));
    await Deno.remove(join(directory, name));
    return log;
  }));
}
