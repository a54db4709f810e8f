import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/testing";
import { validateInstanceName } from "../../config/names.ts";
import { describeError, DreyError } from "../../errors.ts";
import { claimRunDirectory } from "../../runtime/run_state.ts";
import { closeFd } from "../../sys/descriptors.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { mergeSettings } from "./expand.ts";
import { randomName } from "./random_name.ts";
import { directoryName, instancePaths, loadRecord, refOf } from "./record.ts";
import { readRunRecord, writeRunRecord } from "./run_record.ts";
import { planStart } from "./start_plan.ts";
import { currentState, requireRunning } from "./status.ts";

Deno.test("a directory name leads back to its instance", () => {
  for (const project of ["default", "p", "web_shop"]) {
    const ref = { project, name: "c-1" };
    assertEquals(refOf(directoryName(ref)), ref);
  }
});

Deno.test("an instance that is not recorded is not found", async () => {
  await using context = await temporaryContext();
  const attempt = () => loadRecord(context, { project: "default", name: "c1" });
  const error = await assertRejects(attempt, DreyError);
  assertEquals([error.code, error.message], ["NOT_FOUND", 'Instance "c1" not found']);
});

Deno.test("an instance without a run directory is stopped", async () => {
  await using context = await temporaryContext();
  const ref = { project: "default", name: "c1" };
  assertEquals(currentState(context, ref), { status: "Stopped" });
  // as a host that crashed leaves it: files, and nobody who holds the lock
  const { run } = instancePaths(context, ref);
  await Deno.mkdir(run, { recursive: true });
  await Deno.writeTextFile(`${run}/lock`, "");
  await Deno.writeTextFile(`${run}/init.pid`, String(Deno.pid));
  assertEquals(currentState(context, ref), { status: "Stopped" });
});

Deno.test("whoever needs a running instance hears that it is only starting, or stopped", async () => {
  await using context = await temporaryContext();
  const ref = { project: "default", name: "c1" };
  const said = () => describeError(assertThrows(() => requireRunning(context, ref), DreyError));
  assertEquals(said(), "The instance is not running. Run: drey start c1");
  const lock = claimRunDirectory(instancePaths(context, ref).run);
  assertEquals(said(), "The instance is starting");
  closeFd(lock);
});

Deno.test("a run record is there whole or not at all", async () => {
  await using context = await temporaryContext();
  const { state } = context.paths;
  assertEquals(readRunRecord(state), undefined);
  const record = { cgroupHome: "/cg", idmap: "[]", haltSignal: 30, warnings: ["w"] };
  writeRunRecord(state, record);
  assertEquals(readRunRecord(state), record);
  assert(![...Deno.readDirSync(state)].some(({ name }) => name.endsWith(".new")));
  Deno.truncateSync(`${state}/run.json`, 5);
  assertEquals(readRunRecord(state), undefined, "cut short by a loss of power");
});

Deno.test("settings of an instance win over its profiles key by key, devices whole", () => {
  const nic = { type: "nic" };
  const merged = mergeSettings([
    { config: { a: "1", b: "1" }, devices: { root: { type: "disk", size: "1GiB" }, eth0: nic } },
    { config: { b: "2" }, devices: { root: { type: "disk" } } },
  ]);
  assertEquals(merged, { config: { a: "1", b: "2" }, devices: { root: { type: "disk" }, eth0: nic } });
});

Deno.test("init finds out that it is in a container, and what the configuration tells it", () => {
  const map = { uids: [], gids: [] };
  const plan = planStart({
    name: "c1",
    config: { "environment.LANG": "C", "security.nesting": "true" },
    root: { kind: "directory", path: "/r" },
    ids: { map, parent: undefined },
    cgroup: undefined,
    init: ["/sbin/init"],
    guestSocket: 12,
    deviceNodes: [],
    parts: [],
  });
  assertEquals(plan.init.env["container"], "lxc");
  assertEquals(plan.init.env["LANG"], "C");
  assertEquals(plan.nesting, true);
});

Deno.test("names that drey picks are names that it takes", () => {
  for (let index = 0; index < 50; index++) {
    const name = randomName();
    assertMatch(name, /^[a-z]+-[a-z]+$/);
    validateInstanceName(name);
  }
});
