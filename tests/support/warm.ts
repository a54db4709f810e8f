// `deno task warm`: takes a container through its life with V8's log of what it compiles, and notes in warm.json which
// modules the bundle is to keep at hand, and which of their functions it is to compile in advance, and in entered.json
// which of the modules each command enters. Worth a run now and then; an old list costs milliseconds, no more.

import { join } from "@std/path";
import { deferBuiltins } from "./lazy_builtins.ts";
import { closeDrey, imageFiles, openDrey } from "./drey.ts";
import { runChecked } from "../../sys/run.ts";
import { rawBundle } from "./package.ts";
import { type Warm, warmOf } from "./warm_functions.ts";

/** what is taken into a launch besides: an image that was built before, named as people name it */
const builtBefore = "debian:12";

const fastCommands = [
  "launch tiny c1 --profile alone",
  "list",
  "exec c1 -- true",
  "stop --force c1",
  "start c1",
  "stop --force c1",
  "delete c1",
];
const otherCommands = [
  "--help",
  "launch tiny c1",
  "list",
  "list --format json",
  "list --format csv --columns n",
  "exec c1 -- true",
  "exec c1 --force-interactive --env A=b --cwd / -- true",
  "stop --force c1",
  "snapshot c1 s0",
  "restore c1 s0",
  "copy c1 c2",
  "start c1",
  "stop --force c1",
  "delete c1 c2",
];

/** what is as fast with a network as without */
const beside = /^(list|exec)\b/;

/** what an exec enters once its command has ended, unless that was soon: tidying up after others */
const afterwards: Record<string, RegExp> = {
  exec:
    /^(config\/schedule|domain\/(reconcile|schedule|intents|backups|images|networks|storage_pools)\b|storage\/)/,
};

/** modules that any command may enter, once a minute */
const nowAndThen = ["domain/instances/snapshots/upkeep.ts", "domain/storage_volumes/upkeep.ts"];

/** what each program of the bundle enters and calls beside its command, see `enterBundle()` */
const always: Record<string, string[]> = {
  "cli.ts": ["", "enterBundle", "giveBackDenoDir"],
  "cli/code_cache.ts": ["", "foldCodeCache"],
  "domain/entrance.ts": ["", "startedAs"],
};

const targets = { warm: "warm.json", entered: "entered.json" };

interface Run {
  /** first word of the command */
  word: string;
  isFast: boolean;
  /** names of functions it called, by their module */
  warm: Record<string, readonly string[]>;
}

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
  const runs = (await live()).map(({ log, ...run }) => ({ ...run, warm: warmOf(text, log, "/drey.js") }));
  await write(targets.warm, keepUsed(runs));
  await write(targets.entered, byWords(enteredBy(runs)));
} finally {
  await Deno.remove(directory, { recursive: true });
}

type Table = Record<string, readonly string[]>;

function byKey<T>(entries: [string, T][]): [string, T][] {
  return entries.toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** Sorted, and in the form that the formatter wants. */
async function write(name: string, table: Table | Warm): Promise<void> {
  const path = new URL(name, import.meta.url).pathname;
  const sorted = (given: Table): Table =>
    Object.fromEntries(byKey(Object.entries(given)).map(([key, names]) => [key, names.toSorted()]));
  const rows = byKey(Object.entries<Table | readonly string[]>(table)).map(([key, value]) =>
    [key, Array.isArray(value) ? value.toSorted() : sorted(value as Table)] as const
  );
  await Deno.writeTextFile(path, `${JSON.stringify(Object.fromEntries(rows))}\n`);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
  console.log(`${rows.length} rows in ${path}`);
}

/** Which of drey's own modules each command entered or may enter; outside packages are loaded by servers only. */
function enteredBy(runs: readonly Run[]): Record<string, string[]> {
  const entered: Record<string, Set<string>> = {};
  for (const { word, warm } of runs) {
    const modules = entered[word] ??= new Set([
      ...Object.keys(always),
      ...word.startsWith("-") || Object.hasOwn(afterwards, word) ? [] : nowAndThen,
    ]);
    const isLater = (module: string) => afterwards[word]?.test(module) ?? false;
    for (const module of Object.keys(warm)) {
      if (!module.startsWith("..") && !isLater(module)) modules.add(module);
    }
  }
  return Object.fromEntries(Object.entries(entered).map(([word, modules]) => [word, [...modules]]));
}

/** Names by all the words that have them, so that each name is there once. */
function byWords(names: Table): Record<string, string[]> {
  // a function may have the name of one that every object has
  const words = new Map<string, string[]>();
  for (const [word, own] of Object.entries(names)) {
    for (const name of own) words.set(name, [...words.get(name) ?? [], word]);
  }
  const table: Record<string, string[]> = {};
  for (const [name, all] of words) (table[all.toSorted().join(" ")] ??= []).push(name);
  return table;
}

/** Modules that any of the commands entered or may enter, and of their functions those that fast ones called. */
function keepUsed(runs: readonly Run[]): Warm {
  const modules = new Set(Object.values(enteredBy(runs)).flat());
  const fast = runs.filter(({ isFast }) => isFast);
  return Object.fromEntries([...modules].map((module) => {
    const called: Record<string, Set<string>> = {};
    for (const { word, warm } of fast) {
      const names = [...warm[module] ?? [], ...always[module] ?? []];
      for (const name of names) (called[word] ??= new Set()).add(name);
    }
    const names = Object.entries(called).map(([word, names]) => [word, [...names]]);
    return [module, byWords(Object.fromEntries(names))];
  }));
}

/** A container without a network goes through the fast commands, one with a network through others. */
async function live(): Promise<(Omit<Run, "warm"> & { log: string })[]> {
  const drey = await openDrey();
  const logs: (Omit<Run, "warm"> & { log: string })[] = [];
  const run = async (argv: readonly string[], { isFast }: { isFast: boolean }) => {
    const { code, stderr } = await drey.run(argv);
    if (code !== 0) throw new Error(stderr);
    for (const log of await takeLogs()) logs.push({ word: argv[0]!, isFast, log });
  };
  try {
    await drey`image import ${await imageFiles("tiny")} --alias tiny`;
    await drey`profile create alone`;
    await drey`profile device add alone root disk path=/ pool=default`;
    await takeLogs();
    for (const files of await splitImages()) await run(["image", "import", ...files], { isFast: true });
    for (const line of fastCommands) await run(line.split(" "), { isFast: true });
    await drey`init ${builtBefore} c0`;
    await takeLogs();
    await run(["launch", builtBefore, "c1", "--profile", "alone"], { isFast: true });
    await drey`delete --force c0 c1`;
    await takeLogs();
    // beside it the network is there: the first and the last that use one take 100 ms longer anyway
    await drey`launch tiny c0`;
    await takeLogs();
    for (const line of otherCommands) await run(line.split(" "), { isFast: beside.test(line) });
    await drey`delete --force c0`;
    await takeLogs();
  } finally {
    await closeDrey(drey);
  }
  return logs;
}

/** The files of two images of their own, one a tarball and one a squashfs. */
async function splitImages(): Promise<string[][]> {
  const [image = ""] = await imageFiles("tiny");
  const script = `cd '${directory}'; mkdir tree; tar -xf '${image}' -C tree --exclude='rootfs/dev/*'
    tar -cf tree.tar -C tree/rootfs .; mksquashfs tree/rootfs tree.squashfs -quiet -no-progress
    for format in tar squashfs; do
      sed "s/^properties:/&\\n  kind: $format/" tree/metadata.yaml >metadata.yaml; tar -czf $format.meta metadata.yaml
    done
    # what has just changed is unpacked in another way
    sleep 3`;
  await runChecked(["sh", "-ec", script]);
  return ["tar", "squashfs"].map((format) => [`${directory}/${format}.meta`, `${directory}/tree.${format}`]);
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
