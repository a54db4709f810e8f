// Whatever is killed, and whenever: the next command finds or makes a consistent state.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals } from "@std/testing";
import type { InstanceRecord } from "../../domain/instances/record.ts";
import { openStore } from "../../store/sqlite.ts";
import type { Devices } from "../../wire/instance.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { initOf, type OurProcess, ourProcesses, sleeper, snippets } from "../support/inside.ts";
import { namesIn } from "../../sys/present.ts";
import { findLeftovers, nothingLeft } from "../support/leftovers.ts";
import { answers } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

interface Row {
  name: string;
  status: string;
}

const rows = async (drey: Drey): Promise<Row[]> => JSON.parse(await drey`list --format json`);

/** Holds what is there against what a listing says, and every status against those that last. */
async function assertConsistent(drey: Drey, when: string): Promise<Row[]> {
  await rows(drey); // the next command
  let list = await rows(drey);
  // a supervisor's clean-up may be at work on its own
  await eventually(`no status passes by, ${when}`, async () => {
    list = await rows(drey);
    return !list.some(({ status }) => /ing$/.test(status) && status !== "Running");
  });
  for (const { status } of list) assert(["Running", "Stopped"].includes(status), `${when}: ${status}`);
  const known = list.map(({ name, status }) => ({ name, isRunning: status === "Running" }));
  assertEquals(await findLeftovers(drey.directory, known), nothingLeft, when);
  for (const { name, status } of list) {
    if (status === "Running") assertEquals(await drey`exec ${name} -- echo alive`, "alive\n", when);
  }
  const operations: { status: string }[] = JSON.parse(await drey`operation list --format json`);
  assertEquals(operations.filter(({ status }) => status === "Running"), [], when);
  return list;
}

/** A number in [0, 1) that follows from the seed: mulberry32. */
function dice(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const verbs: { verb: string; argv: string[]; before?: string[]; milliseconds: number }[] = [
  { verb: "launch", argv: ["launch", "tiny", "c1"], milliseconds: 400 },
  { verb: "start", argv: ["start", "c1"], before: ["init", "tiny", "c1"], milliseconds: 300 },
  { verb: "stop", argv: ["stop", "-f", "c1"], before: ["launch", "tiny", "c1"], milliseconds: 250 },
  { verb: "delete", argv: ["delete", "-f", "c1"], before: ["launch", "tiny", "c1"], milliseconds: 300 },
];

await e2e("a command killed at any moment leaves a consistent state", { needs }, async (drey) => {
  const seed = Number(Deno.env.get("DREY_TEST_SEED") ?? Date.now() % 1_000_000);
  console.log(`DREY_TEST_SEED=${seed}`);
  const random = dice(seed);
  for (let round = 0; round < 16; round++) {
    const { verb, argv, before, milliseconds } = verbs[round % verbs.length]!;
    if (before !== undefined) {
      const { code, stderr } = await drey.run(before);
      assertEquals(code, 0, `${before.join(" ")}: ${stderr}`);
    }
    const after = Math.floor(random() * milliseconds);
    const child = drey.spawn(argv, { stdout: "null", stderr: "null" });
    await pause(after);
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await child.status;
    const list = await assertConsistent(drey, `${verb} killed after ${after} ms`);
    for (const { name } of list) await drey`delete -f ${name}`;
    assertEquals(
      await findLeftovers(drey.directory),
      nothingLeft,
      `${verb} killed after ${after} ms, then deleted`,
    );
  }
});

await e2e(
  "what a delete leaves to be removed is removed by the next command, if its process is killed",
  { needs },
  async (drey) => {
    const temporary = `${drey.directory}/storage-pools/default/temporary`;
    await drey`launch tiny c1`;
    await drey`exec c1 -- sh -c ${"mkdir /many; cd /many; touch $(seq 3000)"}`;
    await drey`delete -f c1`;
    for (const name of namesIn(temporary)) {
      const pid = Number(/\.partial-(\d+)-/.exec(name)?.[1]);
      if (read(`/proc/${pid}/cmdline`).includes("perl")) killIfThere(pid);
    }
    assertEquals(await rows(drey), []);
    await eventually("nothing is left", () => namesIn(temporary).length === 0, 10);
  },
);

await e2e("a memory that nobody goes on keeping is removed by the next command", { needs }, async (drey) => {
  const memories = `${drey.directory}/machines/memories`;
  await using keeper = sleeper();
  await Deno.mkdir(`${memories}/a.partial-${keeper.pid}-0-00000000`, { recursive: true });
  await Deno.writeTextFile(`${memories}/a.partial-${keeper.pid}-0-00000000/memory.raw`, "half");
  await Deno.writeTextFile(`${memories}/b`, "whole");
  assertEquals(await rows(drey), []);
  await eventually("the half one is gone", () => namesIn(memories).join() === "b", 10);
});

await e2e("a reboot killed at any moment leaves a consistent state", { needs }, async (drey) => {
  const seed = Number(Deno.env.get("DREY_TEST_SEED") ?? Date.now() % 1_000_000);
  console.log(`DREY_TEST_SEED=${seed}`);
  const random = dice(seed);
  for (let round = 0; round < 4; round++) {
    if ((await rows(drey)).length === 0) await drey`launch tiny c1`;
    const list = await rows(drey);
    if (list[0]?.status === "Stopped") await drey`start c1`;
    // it becomes the clean-up, which may be done before the command that asked for the reboot has ended
    const [supervisor] = await oursLike(drey, /\/supervisor /);
    assert(supervisor !== undefined, "there is a supervisor");
    await drey.tries`exec c1 -- perl -e ${snippets.reboot}`;
    await eventually(
      "somebody looks after the reboot",
      () => !read(argvOf(supervisor.pid)).includes("/supervisor\0"),
      5,
    );
    const after = Math.floor(random() * 300);
    await pause(after);
    if (read(argvOf(supervisor.pid)).endsWith("\0reap\0default\0c1\0")) killIfThere(supervisor.pid);
    await assertConsistent(drey, `reboot killed after ${after} ms`);
  }
});

await e2e("without its supervisor an instance runs on and ends cleanly", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await killOurs(drey, /\/supervisor /);
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  assertEquals((await assertConsistent(drey, "supervisor killed"))[0]?.status, "Running");
  await drey`stop c1`;
  assertEquals((await assertConsistent(drey, "then stopped"))[0]?.status, "Stopped");
  await drey`start c1`;
  await killOurs(drey, /\/supervisor /);
  await drey.tries`exec c1 -- perl -e ${snippets.powerOff}`;
  assertEquals((await assertConsistent(drey, "then powered off"))[0]?.status, "Stopped");
});

await e2e("without its console logger an instance runs on and ends cleanly", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await killOurs(drey, /\/console /);
  await drey.tries`exec c1 -- sh -c ${"echo lost >/dev/console"}`;
  assertEquals((await assertConsistent(drey, "logger killed"))[0]?.status, "Running");
  await drey`restart -f c1`;
  assertEquals((await assertConsistent(drey, "then restarted"))[0]?.status, "Running");
});

await e2e("an instance whose init is killed from outside is stopped", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`launch tiny c2 --ephemeral`;
  Deno.kill(await initOf(drey, "c1"), "SIGKILL");
  Deno.kill(await initOf(drey, "c2"), "SIGKILL");
  await eventually("their ends are seen to", async () => {
    return (await rows(drey)).map(({ name, status }) => `${name} ${status}`).join() === "c1 Stopped";
  });
  await assertConsistent(drey, "init killed");
});

await e2e("a stale run directory of a host that crashed harms nobody", { needs }, async (drey) => {
  await drey`init tiny c1`;
  await using stranger = sleeper();
  const run = `${drey.directory}/run/instances/c1`;
  await Deno.mkdir(run, { recursive: true });
  for (const file of ["init.pid", "console.pid"]) {
    await Deno.writeTextFile(`${run}/${file}`, String(stranger.pid));
  }
  await Deno.writeTextFile(`${run}/lock`, "");
  await assertConsistent(drey, "after a crash of the host");
  assert(isAlive(stranger.pid), "a process that only has the same pid was killed");
  await drey`start c1`;
});

await e2e("a server killed in the middle of its work leaves a consistent state", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const server = drey.spawn(["serve"], { stdout: "null", stderr: "null" });
  await eventually("drey serve answers", () => answers(`${drey.directory}/unix.socket`), 50);
  const exec = drey.spawn(["exec", "c1", "--", "sleep", "300"], { stdout: "null", stderr: "null" });
  await eventually("the command runs", async () => {
    return (await drey`exec c1 --force-local -- ps -e -o args`).includes("sleep 300");
  });
  const launch = drey.spawn(["launch", "tiny", "c2"], { stdout: "null", stderr: "null" });
  await pause(170);
  server.kill("SIGKILL");
  const ends = await Promise.all([exec.status, launch.status, server.status]);
  assert(ends[0].code !== 0, "the exec that lost its server says so");
  const list = await assertConsistent(drey, "server killed");
  assertEquals(list.find(({ name }) => name === "c1")?.status, "Running");
  await eventually("the command whose output nobody takes any more has ended", async () => {
    return !(await drey`exec c1 -- ps -e -o args`).includes("sleep 300");
  });
});

await e2e(
  "a manifest that a loss of power has cut short is named, and holds up no delete",
  { needs },
  async (drey) => {
    await drey`init tiny c1`;
    await drey`snapshot c1 s0`;
    const place = `${drey.directory}/storage-pools/default/containers/c1`;
    const cut = () => Deno.writeTextFileSync(`${place}/volume.json`, "");
    cut();
    const { stderr } = await drey.tries`start c1`;
    assert(stderr.startsWith(`Error: Cannot read "${place}/volume.json": it was cut short`), stderr);
    assertEquals((await assertConsistent(drey, "manifest cut short"))[0]?.status, "Stopped");
    await drey`copy c1/s0 c2`;
    await drey`delete c2`;
    await drey`restore c1 s0`;
    await drey`start c1`;
    cut();
    await drey`delete c1 --force`;
    assertEquals(await drey`list -c n -f csv`, "");
  },
);

/** The processes of ours for c1 whose command line matches. */
async function oursLike(drey: Drey, pattern: RegExp): Promise<OurProcess[]> {
  return (await ourProcesses(drey, "c1")).filter(({ argv }) => pattern.test(argv));
}

const argvOf = (pid: number) => `/proc/${pid}/cmdline`;

/** Kills the process of ours for c1 whose command line matches. */
async function killOurs(drey: Drey, pattern: RegExp): Promise<void> {
  const found = await oursLike(drey, pattern);
  assertEquals(
    found.length,
    1,
    `one process matches ${pattern}: ${found.map(({ argv }) => argv).join("; ")}`,
  );
  Deno.kill(found[0]!.pid, "SIGKILL");
  await eventually("it has ended", () => !isAlive(found[0]!.pid), 20);
}

function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function isAlive(pid: number): boolean {
  return /^State:\t[^ZX]/m.test(read(`/proc/${pid}/status`));
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // ended, or somebody else's
  }
}

await e2e("a running instance has the devices of its record after a change was cut short", {
  needs,
}, async (drey) => {
  await drey`launch tiny c1`;
  const disk = { type: "disk", source: "/etc", path: "/plugged" };
  const mounts = async () => (await drey`exec c1 -- cat /proc/mounts`).includes(" /plugged ");
  const note = `${drey.directory}/run/instances/c1/devices.json`;
  const cutShort = async (noted: Devices, edit: (record: InstanceRecord) => void) => {
    const known = JSON.parse(Deno.readTextFileSync(note));
    Deno.writeTextFileSync(note, JSON.stringify({ ...known, ...noted }));
    const paths = { state: drey.directory, run: `${drey.directory}/run`, config: `${drey.directory}/config` };
    await using store = await openStore(paths);
    const key = ["instances", "default", "c1"];
    const entry = await store.get<InstanceRecord>(key);
    if (entry === undefined) throw new Error("c1 has no record");
    edit(entry.value);
    const intent = {
      intent: { do: "plug", instance: { project: "default", name: "c1" } },
      locks: [key],
      owner: null,
    };
    await store.commit([], [{ key, value: entry.value }, { key: ["intents", "cut-short"], value: intent }]);
  };
  // plugged in, and killed before that was written down
  await drey`config device add c1 d disk source=/etc path=/plugged`;
  assert(await mounts());
  await cutShort({}, (record) => delete record.devices["d"]);
  await drey`list`;
  assert(!await mounts());
  assertEquals(JSON.parse(Deno.readTextFileSync(note)).d, undefined);
  // killed while it was plugged in again
  await cutShort({ d: { ...disk, "volatile.half": "true" } }, (record) => record.devices["d"] = disk);
  await drey`list`;
  assert(await mounts());
  assertEquals(JSON.parse(Deno.readTextFileSync(note)).d, disk);
});
