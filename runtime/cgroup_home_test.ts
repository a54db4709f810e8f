import { assertEquals } from "@std/testing";
import { cgroup2Mount, cgroup2Path, findHome } from "./cgroup_home.ts";

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
