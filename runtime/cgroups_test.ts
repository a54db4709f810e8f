import { assertEquals, assertThrows } from "@std/testing";
import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import {
  applyLimits,
  cgroup2Mount,
  cgroup2Path,
  findHome,
  instanceCgroup,
  isFrozen,
  readStats,
  removeCgroup,
} from "./cgroups.ts";

const unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const hybrid = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
  "32 23 0:28 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

Deno.test("cgroup2Mount() knows unified and hybrid hosts from pure v1 ones", () => {
  assertEquals(cgroup2Mount(unified), "/sys/fs/cgroup");
  assertEquals(cgroup2Mount(hybrid), "/sys/fs/cgroup/unified");
  assertEquals(cgroup2Mount(hybrid.split("\n")[0]!), undefined);
});

Deno.test("cgroup2Mount() passes over one that cannot be written", () => {
  assertEquals(cgroup2Mount(unified.replace("rw,nosuid", "ro,nosuid")), undefined);
});

Deno.test("cgroup2Path() reads the line of the second version", () => {
  assertEquals(cgroup2Path("4:memory:/x\n0::/user.slice/a b\n"), "/user.slice/a b");
  assertEquals(cgroup2Path("4:memory:/x\n"), "/");
});

const facts = (uid: number, writable: string[]) => ({
  uid,
  mount: "/cg",
  own: "/a/b/c",
  writable: (directory: string) => writable.includes(directory),
});

Deno.test("findHome() takes the highest directory the user may write", () => {
  assertEquals(findHome(facts(1000, ["/cg/a/b", "/cg/a/b/c"])), "/cg/a/b/drey");
  assertEquals(findHome(facts(1000, [])), undefined);
  assertEquals(findHome({ ...facts(1000, ["/cg"]), mount: undefined }), undefined);
});

Deno.test("findHome() puts root's at the top, wherever root stands", () => {
  assertEquals(findHome(facts(0, ["/cg", "/cg/a"]), "drey-1"), "/cg/drey-1");
});

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
