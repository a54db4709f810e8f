// `deno task bench`: whole-process timings of drey against the floor, rootless Podman and LXD, on one Debian image in
// one run, a round of each in turns: a machine that is slow for a while is slow for all. `--json` prints every figure,
// `--rounds=N` changes how many are taken, `--columns=a,b` who takes part.

import { parseArgs } from "@std/cli";
import { delegateCgroup } from "../support/test_cgroup.ts";
import { prepareTestUser } from "../support/test_user.ts";
import { root } from "./material.ts";
import { contenders } from "./contenders.ts";
import { answerTurns, inAnotherProcess, inThisProcess, type Party } from "./parties.ts";
import { formatReport, judge, type Results } from "./report.ts";

const options = parseArgs(Deno.args, {
  boolean: ["json", "in-turns"],
  string: ["rounds", "columns"],
  default: { rounds: "10", columns: Object.keys(contenders).join(",") },
});
const rounds = Number(options.rounds);
const columns = String(options.columns).split(",");

/** the first rounds of each only warm up */
const warmUp = 2;

async function inTurns(parties: readonly Party[]): Promise<Results> {
  for (let round = 0; round < warmUp + rounds; round++) {
    for (const party of parties) await party.live({ round, counts: round >= warmUp });
  }
  const all: Results[] = [];
  for (const party of parties) all.push(await party.results(rounds));
  return {
    times: Object.assign({}, ...all.map(({ times }) => times)),
    absent: Object.assign({}, ...all.map(({ absent }) => absent)),
  };
}

/** As the test user: drey with a cgroup, and Podman where its runtime finds the cgroup layout it knows. */
async function asRoot(): Promise<Results> {
  const user = await prepareTestUser(root);
  await using parties = new AsyncDisposableStack();
  const cgroup = parties.use(await delegateCgroup(user.name));
  const open: Party[] = [];
  const enter = async (names: readonly string[], wrap: (argv: readonly string[]) => readonly string[]) => {
    const wanted = names.filter((name) => columns.includes(name));
    if (wanted.length === 0) return;
    const argv = user.command(["deno", "run", "-A", "--quiet", "tests/bench/bench.ts", "--in-turns"]);
    const [program = "", ...args] = wrap([...argv, `--columns=${wanted.join(",")}`]);
    open.push(parties.use(await inAnotherProcess(program, { args, cwd: user.tree, env: user.env })));
  };
  await enter(["drey", "floor"], (argv) => cgroup?.command(argv) ?? argv);
  // crun refuses the hybrid layout: hide the v2 tree from it, in a mount namespace of its own
  const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
  await enter(["podman"], (argv) => ["unshare", "-m", "sh", "-c", hide, "hide", ...argv]);
  const lxd = columns.filter((name) => name.startsWith("lxd"));
  if (lxd.length > 0) open.push(parties.use(await inThisProcess(lxd)));
  return await inTurns(open);
}

async function asUser(): Promise<Results> {
  await using party = await inThisProcess(columns);
  return await inTurns([party]);
}

if (options["in-turns"] === true) {
  await answerTurns(columns);
  Deno.exit(0);
}
const results = Deno.uid() === 0 ? await asRoot() : await asUser();
if (options.json === true) console.log(JSON.stringify({ ...results, verdicts: judge(results) }, null, 2));
else console.log(formatReport(results));
Deno.exit(Object.keys(results.times).length > 0 ? 0 : 1);
