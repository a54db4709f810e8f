// What becomes of a virtual machine when one of its processes is killed: never a half of it that stays.

import { exists, readIfThere } from "../../sys/present.ts";
import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { run, runChecked } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { lendKernel } from "../support/machines.ts";

const needs = ["userns", "subids", "overlay", "machines", "user"] as const;

/** Processes below a process, their command lines by pid. */
function below(pid: number): Map<number, string> {
  const found = new Map<number, string>();
  const children = (readIfThere(`/proc/${pid}/task/${pid}/children`) ?? "").trim().split(" ");
  for (const child of children.filter((word) => word !== "").map(Number)) {
    found.set(child, argvOf(child));
    for (const [more, line] of below(child)) found.set(more, line);
  }
  return found;
}

/** The command line of a process; empty for one that has ended. */
const argvOf = (pid: number) => (readIfThere(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ");

async function keeperOf(drey: Drey): Promise<number> {
  return JSON.parse(await drey`list --format json`)[0].state.pid;
}

async function kill(drey: Drey, pattern: RegExp): Promise<void> {
  const keeper = await keeperOf(drey);
  const all = new Map([[keeper, argvOf(keeper)], ...below(keeper)]);
  const [pid] = [...all].find(([, line]) => pattern.test(line)) ?? [];
  assert(pid !== undefined, `${pattern} is none of: ${[...all.values()].join(", ")}`);
  Deno.kill(pid, "SIGKILL");
}

async function stopped(drey: Drey): Promise<string> {
  const status = async () => JSON.parse(await drey`list --format json`)[0].status;
  await eventually("the machine is stopped", async () => await status() === "Stopped");
  return await status();
}

/** `files` that the server of the root may have open */
const few = 600;

async function startWithFewFiles(drey: Drey): Promise<void> {
  const argv = ["sh", "-c", `ulimit -n ${few}; exec "$@"`, "sh", ...drey.commandLine(["start", "v1"])];
  await runChecked(argv, { env: { ...Deno.env.toObject(), ...drey.environment } });
}

/** The server has a file open for each that the guest remembers: it is asked to forget those that nobody uses. */
async function forgetsFiles(drey: Drey): Promise<void> {
  for (const batch of [1, 2, 3]) {
    const make = `i=0; while [ $i -lt 250 ]; do : >/root/f${batch}-$i; i=$((i+1)); done`;
    const isDone = async () => (await drey.tries`exec v1 -- ${["sh", "-c", make]}`).code === 0;
    await eventually(`files of batch ${batch} are made`, isDone);
  }
  const made = (await drey`exec v1 -- ls /root`).split("\n").filter((name) => name.startsWith("f"));
  assert(made.length > few, `${made.length}`);
}

await e2e("a virtual machine ends whole when one of its processes is killed", { needs }, async (drey) => {
  await lendKernel(drey);
  await drey`init tiny v1 --vm`;
  for (const victim of [/^\/usr\/bin\/qemu-system/, /virtiofsd/, /keeper/]) {
    await drey`start v1`;
    const keeper = await keeperOf(drey);
    const others = [...below(keeper).keys()];
    assert(others.length >= 2);
    await kill(drey, victim);
    assertEquals(await stopped(drey), "Stopped", String(victim));
    await eventually(
      `nothing of it is left without ${victim}`,
      () => others.every((pid) => argvOf(pid) === ""),
    );
  }
  await startWithFewFiles(drey);
  assertEquals(await drey`exec v1 -- echo again`, "again\n");
  await forgetsFiles(drey);

  // the agent in the guest: the one that is killed has another after it
  const agent =
    "for p in /proc/[0-9]*; do read -r n <$p/cmdline; case $n in *'drey: agent 'o[f]*) echo ${p#/proc/};; esac; done";
  const pids = (await drey`exec v1 -- ${["sh", "-c", agent]}`).trim().split("\n").filter((pid) => pid !== "");
  assert(pids.length >= 2, pids.join(" "));
  const cut = await drey.tries`exec v1 -- ${["sh", "-c", `kill -9 ${pids.at(-1)}; sleep 5`]}`;
  assertEquals(cut.code, 125);
  assertMatch(cut.stderr, /agent/);
  assertEquals(await drey`exec v1 -- echo once more`, "once more\n");

  // with nobody to start another one, commands are told so
  const all = `for p in $(${agent}); do [ -d /proc/$p ] && kill -9 $p; done`;
  const ended = await drey.tries`exec v1 -- ${["sh", "-c", `${all}; sleep 60`]}`;
  assertEquals(ended.code, 125);
  const later = await drey.tries`exec v1 -- true`;
  assertEquals(later.code, 125);
  assertMatch(later.stderr, /agent in the virtual machine does not answer/);
});

/** Runs drey where programs of the host, or directories with them, are hidden; it can start nothing there. */
async function without(drey: Drey, hidden: readonly string[], argv: readonly string[]): Promise<string> {
  const hide =
    'for p in $HIDDEN; do [ -d "$p" ] && mount -t tmpfs none "$p" || mount --bind /dev/null "$p"; done';
  const inside = `${hide}; exec setpriv --ambient-caps=-all --inh-caps=-all "$@"`;
  const unshare = ["unshare", "--map-current-user", "--keep-caps", "--mount", "sh", "-ec", inside, "sh"];
  const { code, stderr } = await run([...unshare, ...drey.commandLine(argv)], {
    env: { ...Deno.env.toObject(), ...drey.environment, HIDDEN: hidden.filter(exists).join(" ") },
  });
  assertEquals(code, 1);
  return stderr;
}

await e2e(
  "a virtual machine that lacks a program says which package has it, in one line",
  { needs: [...needs, "disk-machines"] },
  async (drey) => {
    await drey`init tiny v1 --vm`;
    await drey`init v2 --empty --vm -d root,size=64MiB`;
    const servers = ["/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd"];
    const qemu = `/usr/bin/qemu-system-${Deno.build.arch}`;
    const cases: [name: string, hidden: string[], told: RegExp][] = [
      ["v1", [qemu], /"qemu-system-.*apt-get install qemu-system-/],
      ["v1", servers, /"virtiofsd".*apt-get install virtiofsd, or qemu-system-common/],
      ["v2", [qemu], /"qemu-system-.*apt-get install qemu-system-/],
      ["v2", ["/usr/bin/qemu-img"], /"qemu-img".*apt-get install qemu-utils/],
      ["v2", ["/usr/share/OVMF"], /no firmware.*apt-get install ovmf/],
    ];
    for (const [name, hidden, told] of cases) {
      const said = (await without(drey, hidden, ["start", name])).trimEnd();
      assertMatch(said, told);
      assertEquals(said.split("\n").length, 1, said);
    }
    await drey`config device add v2 tpm0 tpm`;
    const swtpm = "/usr/bin/swtpm";
    // where it was never installed there is nothing to hide
    const said = exists(swtpm)
      ? await without(drey, [swtpm], ["start", "v2"])
      : (await drey.tries`start v2`).stderr;
    assertMatch(said, /"swtpm".*apt-get install swtpm/);
    for (const { status } of JSON.parse(await drey`list --format json`)) assertEquals(status, "Stopped");
  },
);
