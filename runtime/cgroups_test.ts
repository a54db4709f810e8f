import { assertEquals, assertThrows } from "@std/testing";
import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { applyLimits, instanceCgroup, isFrozen, readStats, removeCgroup } from "./cgroups.ts";

Deno.test("an instance's cgroup is read as the kernel writes it", async () => {
  await using home = await fixture({
    "c1/cgroup.events": "populated 1\nfrozen 1\n",
    "c1/cgroup.controllers": "memory pids\n",
    "c1/memory.current": "4096\n",
    "c1/memory.max": "max\n",
    "c1/cpu.stat": "usage_usec 12\nuser_usec 3\n",
  });
  const group = instanceCgroup(home.path, "c1");
  assertEquals(isFrozen(group), true);
  assertEquals(readStats(group), {
    memory: 4096,
    memoryPeak: undefined,
    swap: undefined,
    cpu: 12_000,
    processes: undefined,
  });
  const memory = { key: "limits.memory", controller: "memory", file: "memory.max", value: "1024" };
  applyLimits(group, [memory]);
  assertEquals(await Deno.readTextFile(join(group.path, "memory.max")), "1024");
  const refused = { key: "limits.cpu", controller: "cpu", file: "cpu.max", value: "1" };
  assertEquals(assertThrows(() => applyLimits(group, [refused]), DreyError).code, "CGROUP_MISSING");
});

Deno.test("removeCgroup() removes the innermost first, and is content with nothing", async () => {
  await using home = await fixture({});
  await Deno.mkdir(join(home.path, "c1/payload/system.slice/x"), { recursive: true });
  removeCgroup(join(home.path, "c1"));
  removeCgroup(join(home.path, "c1"));
  assertEquals([...Deno.readDirSync(home.path)], []);
});

async function fixture(files: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(join(path, name, ".."), { recursive: true });
    await Deno.writeTextFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
