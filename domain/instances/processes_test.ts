import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { processesBelow } from "./processes.ts";

Deno.test("processesBelow() finds those of a cgroup and of all cgroups in it", async () => {
  const group = await Deno.makeTempDir({ prefix: "drey-cgroup-" });
  try {
    await Deno.mkdir(join(group, "payload/system.slice"), { recursive: true });
    await Deno.mkdir(join(group, "exec"));
    await Deno.writeTextFile(join(group, "cgroup.procs"), "");
    await Deno.writeTextFile(join(group, "payload/cgroup.procs"), "12\n");
    await Deno.writeTextFile(join(group, "payload/system.slice/cgroup.procs"), "340\n341\n");
    await Deno.writeTextFile(join(group, "exec/cgroup.procs"), "7\n");
    assertEquals(processesBelow(group).toSorted((a, b) => a - b), [7, 12, 340, 341]);
    assertEquals(processesBelow(join(group, "gone")), []);
  } finally {
    await Deno.remove(group, { recursive: true });
  }
});
