// `deno task bench`: whole-process timings of drey against the floor, rootless Podman and LXD, on one Debian image in
// one run. `--json` prints every figure, `--rounds=N` changes how many are taken, `--columns=a,b` who takes part.

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { imageFiles } from "../support/drey.ts";
import { testDirectory } from "../support/needs.ts";
import { bundle } from "../support/package.ts";
import { delegateCgroup } from "../support/test_cgroup.ts";
import { prepareTestUser } from "../support/test_user.ts";
import { type Contender, type Material, measure, time, type Times } from "./contender.ts";
import { clear, contenders } from "./contenders.ts";
import { formatReport, judge, type Results } from "./report.ts";

const root = join(import.meta.dirname!, "../..");

const options = parseArgs(Deno.args, {
  boolean: ["json"],
  string: ["rounds", "columns"],
  default: { rounds: "10", columns: Object.keys(contenders).join(",") },
});
const rounds = Number(options.rounds);
const columns = String(options.columns).split(",");

/** As the test user: drey with a cgroup, and Podman where its runtime finds the cgroup layout it knows. */
async function asRoot(): Promise<Results> {
  const user = await prepareTestUser(root);
  const run = async (names: readonly string[], wrap: (argv: readonly string[]) => readonly string[]) => {
    const wanted = names.filter((name) => columns.includes(name));
    if (wanted.length === 0) return { times: {}, absent: {} };
    const argv = user.command(["deno", "run", "-A", "--quiet", "tests/bench/bench.ts", "--json"]);
    const more = [`--rounds=${rounds}`, `--columns=${wanted.join(",")}`];
    const env = user.env;
    const [program = "", ...args] = wrap([...argv, ...more]);
    const child = new Deno.Command(program, { args, cwd: user.tree, env, stderr: "inherit" });
    const { code, stdout } = await child.output();
    if (code !== 0) throw new Error(`The run as ${user.name} ended with ${code}`);
    const results: Results = JSON.parse(new TextDecoder().decode(stdout));
    return results;
  };
  await using cgroup = await delegateCgroup(user.name);
  const ours = await run(["drey", "floor"], (argv) => cgroup?.command(argv) ?? argv);
  // crun refuses the hybrid layout: hide the v2 tree from it, in a mount namespace of its own
  const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
  const theirs = await run(["podman"], (argv) => ["unshare", "-m", "sh", "-c", hide, "hide", ...argv]);
  const lxd = columns.filter((name) => name.startsWith("lxd"));
  const rooted = lxd.length > 0 ? await asUser(lxd) : { times: {}, absent: {} };
  const all = [ours, theirs, rooted];
  return {
    times: Object.assign({}, ...all.map(({ times }) => times)),
    absent: Object.assign({}, ...all.map(({ absent }) => absent)),
  };
}

async function asUser(names: readonly string[]): Promise<Results> {
  const directory = join(testDirectory(), "bench");
  await clear(directory);
  await Deno.mkdir(directory, { recursive: true });
  const built = await bundle(join(directory, "drey.js"));
  if ("problem" in built) throw new Error(built.problem);
  Deno.env.set("DREY_BENCH_PROGRAM", built.path);
  const [metadata = "", rootfs = ""] = await imageFiles("debian");
  const material: Material = { metadata, rootfs, directory };
  const results: Results = { times: {}, absent: {} };
  for (const name of names) {
    const opened = await contenders[name]?.(material);
    if (opened === undefined) throw new Error(`Nobody is called ${name}`);
    if ("absent" in opened) {
      results.absent[name] = opened.absent;
      continue;
    }
    await using contender = opened;
    console.error(`${name}: ${rounds} rounds`);
    const times = await measure(contender, { rounds });
    results.times[name] = name === "drey" ? { ...times, "list of 50": await listFifty(contender) } : times;
  }
  await clear(directory);
  return results;
}

/** `list` with fifty instances that do not run. */
async function listFifty(drey: Contender): Promise<number[]> {
  const [program = ""] = drey.argv("launch", "");
  for (let index = 0; index < 50; index++) await time([program, "init", "bench", `many-${index}`], drey.env);
  const taken: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const took = await time([program, "list"], drey.env);
    if (round >= 0) taken.push(took);
  }
  return taken;
}

const results: Results = Deno.uid() === 0 ? await asRoot() : await asUser(columns);
const withTimes: Times[] = Object.values(results.times);
if (options.json === true) {
  console.log(JSON.stringify({ ...results, verdicts: judge(results) }, null, 2));
} else console.log(formatReport(results));
Deno.exit(withTimes.length > 0 ? 0 : 1);
