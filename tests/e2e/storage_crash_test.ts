// drey killed in the middle of what it does with volumes: the next command finds the old state or the new one, and
// nothing that was complete is lost.

import { assert, assertEquals } from "@std/testing";
import { eventually } from "../support/eventually.ts";
import { type Drey, e2e, killLater } from "../support/drey.ts";
import { namesIn, readIfThere } from "../../sys/present.ts";

/** What the test believes: content of the one file of each instance, and of each of its snapshots. */
type Model = Map<string, { file: string; snapshots: Map<string, string> }>;

interface Attempt {
  argv: string[];
  /** the states of the world this leads to: before, and after */
  after(model: Model): void;
}

interface Listed {
  name: string;
  snapshots: { name: string }[] | null;
}

await e2e(
  "a drey that is killed leaves the old state or the new one",
  { needs: ["userns"] },
  async (drey) => {
    let model: Model = new Map([["c1", { file: "v0", snapshots: new Map() }]]);
    await drey`init tiny c1`;
    await push(drey, "c1", "v0");
    let usual = await timed(() => drey`copy c1 k0`);
    await drey`delete k0`;
    const rounds = Number(Deno.env.get("DREY_TEST_ROUNDS") ?? 30);
    let killed = 0;
    for (let round = 1; round <= rounds; round++) {
      const attempt = choose(model, round);
      const child = drey.spawn(attempt.argv, { stdout: "null", stderr: "null" });
      // at any moment of what such a command takes here, and now and then after it
      const begun = performance.now();
      const { signal } = await killLater(child, usual * (0.2 + ((round * 37) % 100) / 100));
      const isKilled = signal === "SIGKILL";
      if (isKilled) killed++;
      // the machine may be busier at one time than at another
      usual = isKilled ? usual * 1.1 : Math.min(usual, performance.now() - begun);
      model = await settle(drey, model, attempt);
      const c1 = model.get("c1");
      if (c1 !== undefined && round % 3 === 0) {
        c1.file = `v${round}`;
        await push(drey, "c1", c1.file);
      }
    }
    assert(killed > rounds / 4, `only ${killed} of ${rounds} were killed in time`);
    for (const [name, { file, snapshots }] of model) {
      assertEquals(await drey`file pull ${`${name}/root/f`} -`, file, name);
      for (const [snapshot, content] of snapshots) {
        await drey`copy ${`${name}/${snapshot}`} probe`;
        assertEquals(await drey`file pull probe/root/f -`, content, `${name}/${snapshot}`);
        await drey`delete probe`;
      }
    }
    await drey`delete ${[...model.keys()]}`;
    const pool = `${drey.directory}/storage-pools/default`;
    const left = () =>
      ["containers", "containers-snapshots", "layers", "temporary"].flatMap((directory) =>
        namesIn(`${pool}/${directory}`).map((name) => `${directory}/${name}`)
      );
    await eventually("nothing is left of what was cut short", () => left().length === 0, 10);
  },
);

/** Milliseconds that something takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function push(drey: Drey, name: string, text: string): Promise<void> {
  const { code, stderr } = await drey.run(["file", "push", "-", `${name}/root/f`], { stdin: text });
  assertEquals(code, 0, stderr);
}

/** Something to do that the model allows. */
function choose(model: Model, round: number): Attempt {
  const c1 = model.get("c1")!;
  const snapshots = [...c1.snapshots.keys()];
  const some = snapshots[round % Math.max(snapshots.length, 1)];
  const copies = [...model.keys()].filter((name) => name !== "c1");
  const copy = copies[round % Math.max(copies.length, 1)];
  const kind = round % 7;
  if (kind === 1 && some !== undefined) {
    return {
      argv: ["restore", "c1", some],
      after: (m) => m.get("c1")!.file = m.get("c1")!.snapshots.get(some)!,
    };
  }
  if (kind === 2 && copies.length < 4) {
    const name = `k${round}`;
    return {
      argv: ["copy", "c1", name],
      after: (m) => m.set(name, { file: m.get("c1")!.file, snapshots: new Map(m.get("c1")!.snapshots) }),
    };
  }
  if (kind === 3 && some !== undefined && snapshots.length > 1) {
    return { argv: ["delete", `c1/${some}`], after: (m) => m.get("c1")!.snapshots.delete(some) };
  }
  if (kind === 4 && copy !== undefined) return { argv: ["delete", copy], after: (m) => m.delete(copy) };
  if (kind === 5 && copy !== undefined) {
    const name = `r${round}`;
    return {
      argv: ["rename", copy, name],
      after: (m) => {
        m.set(name, m.get(copy)!);
        m.delete(copy);
      },
    };
  }
  const name = `s${round}`;
  return {
    argv: ["snapshot", "c1", name],
    after: (m) => m.get("c1")!.snapshots.set(name, m.get("c1")!.file),
  };
}

/** What became of an attempt: one of the two states, and everything on disk belongs to it. */
async function settle(drey: Drey, before: Model, attempt: Attempt): Promise<Model> {
  const listed: Listed[] = JSON.parse(await drey`list --format json`);
  const after = structuredClone(before);
  attempt.after(after);
  const seen = JSON.stringify(shapeOfList(listed));
  const candidates = [before, after].filter((model) => JSON.stringify(shapeOfModel(model)) === seen);
  assert(candidates.length > 0, `${attempt.argv.join(" ")} left ${seen}`);
  const file = await drey`file pull c1/root/f -`;
  const found = candidates.find((model) => model.get("c1")!.file === file);
  assert(found !== undefined, `${attempt.argv.join(" ")} left "${file}" in c1`);
  assertEquals(onDisk(drey), shapeOfList(listed), `volumes after ${attempt.argv.join(" ")}`);
  return found;
}

type Shape = Record<string, string[]>;

const sorted = (entries: [string, string[]][]): Shape =>
  Object.fromEntries(
    entries.map(([name, all]) => [name, all.toSorted()] as const).toSorted(([a], [b]) => a < b ? -1 : 1),
  );

const shapeOfModel = (model: Model): Shape =>
  sorted([...model].map(([name, { snapshots }]) => [name, [...snapshots.keys()]]));

const shapeOfList = (listed: readonly Listed[]): Shape =>
  sorted(listed.map(({ name, snapshots }) => [name, (snapshots ?? []).map((snapshot) => snapshot.name)]));

/** Volumes and snapshots that are there, each with all its layers. */
function onDisk(drey: Drey): Shape {
  const pool = `${drey.directory}/storage-pools/default`;
  const layers = namesIn(`${pool}/layers`);
  const check = (place: string) => {
    const text = readIfThere(`${place}/volume.json`);
    assert(text !== undefined, `${place} has no manifest`);
    const { layers: wanted } = JSON.parse(text) as { layers: string[] };
    for (const id of wanted) assert(layers.includes(id), `${place} lacks layer ${id}`);
  };
  return sorted(
    namesIn(`${pool}/containers`).map((name) => {
      check(`${pool}/containers/${name}`);
      const snapshots = namesIn(`${pool}/containers-snapshots/${name}`);
      for (const snapshot of snapshots) check(`${pool}/containers-snapshots/${name}/${snapshot}`);
      return [name, snapshots];
    }),
  );
}
