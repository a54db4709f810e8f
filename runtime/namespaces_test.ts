import { assert, assertEquals } from "@std/testing";
import type { ContainerPlan } from "./container_plan.ts";
import { innerSteps, outerSteps, stagingDirectory } from "./namespaces.ts";
import type { Step } from "./steps.ts";

const range = [{ nsId: 0, hostId: 100_000, count: 65_536 }];
const parentRange = [{ nsId: 0, hostId: 1000, count: 1 }, { nsId: 1, hostId: 100_000, count: 65_536 }];
const files = { inner: "/run/inner", walker: "/run/walker.pl", init: "/run/c1/init.pid" };

function plan(changes: Partial<ContainerPlan> = {}): ContainerPlan {
  return {
    hostname: "c1",
    root: { kind: "overlay", lower: ["/p/a:b", "/p/c"], upper: "/p/upper", work: "/p/work" },
    ids: {
      map: { uids: range, gids: range },
      parent: { map: { uids: parentRange, gids: parentRange }, pid: 42, level: "own" },
    },
    cgroup: "/sys/fs/cgroup/drey/c1/payload",
    init: { argv: ["/sbin/init"], env: {} },
    deviceNodes: ["null", "net/tun"],
    nesting: false,
    ...changes,
  };
}

const at = (steps: readonly Step[], wanted: (step: Step) => boolean) => steps.findIndex(wanted);
const mounts = (steps: readonly Step[]) => steps.filter((step) => step.do === "mount");

Deno.test("stagingDirectory() is none that the root file system lies in", () => {
  const root = (path: string) => ({ kind: "directory", path }) as const;
  assertEquals(stagingDirectory(root("/home/ada/c1")), "/mnt");
  assertEquals(stagingDirectory(root("/mnt/disk/c1")), "/media");
  assertEquals(stagingDirectory(root("/mnt")), "/media");
});

Deno.test("a user's container gets its ids from the parent namespace, root's from the kernel", () => {
  const user = outerSteps(plan(), files);
  assertEquals(user[0], { do: "enter-user", pid: 42, level: "own", identity: "root" });
  assert(user.some((step) => step.do === "new-user" && step.uidMap === "0 1 65536\n"));
  const root = outerSteps(plan({ ids: { map: { uids: range, gids: range }, parent: undefined } }), files);
  assert(!root.some((step) => step.do === "enter-user"));
  assert(root.some((step) => step.do === "new-user" && step.uidMap === "0 100000 65536\n"));
});

Deno.test("layers are escaped, and nobody writes attributes of the trusted kind", () => {
  const data = (steps: readonly Step[]) => mounts(steps).find(({ type }) => type === "overlay")?.data;
  assertEquals(
    data(outerSteps(plan(), files)),
    "lowerdir=/p/a\\:b:/p/c,upperdir=/p/upper,workdir=/p/work,userxattr,index=off",
  );
  const root = plan({ ids: { map: { uids: range, gids: range }, parent: undefined } });
  assert(data(outerSteps(root, files))?.includes("userxattr"));
});

Deno.test("many layers are named from the directory they share", () => {
  const lower = ["/p/images/f/rootfs", "/p/images/l/b/fs", "/p/images/l/a/fs"];
  const steps = outerSteps(plan({ root: { kind: "overlay", lower, upper: "/u", work: "/w" } }), files);
  const at = steps.findIndex((step) => step.do === "mount" && step.type === "overlay");
  assertEquals(steps[at - 1], { do: "chdir", path: "/p/images" });
  assertEquals((steps[at] as Step & { do: "mount" }).data?.split(",")[0], "lowerdir=f/rootfs:l/b/fs:l/a/fs");
});

Deno.test("files of the host are opened before anything hides them", () => {
  const steps = outerSteps(plan(), files);
  const staging = at(steps, (step) => step.do === "mount" && step.type === "tmpfs");
  const opened = steps.flatMap((step, index) => step.do === "open" ? [index] : []);
  assertEquals(opened.length, 4);
  assert(opened.every((index) => index < staging));
});

Deno.test("proc and sys are mounted while the old root is there, and init is the last step", () => {
  const steps = innerSteps(plan());
  const pivot = at(steps, (step) => step.do === "pivot");
  for (const type of ["proc", "sysfs", "cgroup2", "devpts"]) {
    const index = at(steps, (step) => step.do === "mount" && step.type === type);
    assert(index >= 0 && index < pivot, type);
  }
  assert(at(steps, (step) => step.do === "ready") < pivot, "the starter can still undo everything");
  assertEquals(steps.slice(-2).map((step) => step.do), ["inside", "exec"], "nobody joins what is not whole");
  assert(pivot < at(steps, (step) => step.do === "inside"));
});

Deno.test("every kernel file system is mounted without set-uid programs and devices", () => {
  for (const { type, flags } of mounts(innerSteps(plan()))) {
    if (["proc", "sysfs", "cgroup2", "mqueue"].includes(type)) {
      assertEquals(flags, ["nosuid", "nodev", "noexec"]);
    }
  }
});

Deno.test("what is masked stays bare where containers shall run inside", () => {
  const touched = (nesting: boolean) =>
    mounts(innerSteps(plan({ nesting }))).some(({ target }) => target.endsWith("/proc/sysrq-trigger"));
  assertEquals([touched(false), touched(true)], [true, false]);
});

Deno.test("without a cgroup the namespace still hides the host's path", () => {
  const kinds = (cgroup: string | undefined) =>
    innerSteps(plan({ cgroup })).flatMap((step) => step.do === "unshare" ? step.kinds : []);
  assertEquals(kinds(undefined).includes("cgroup"), true);
  assertEquals(kinds("/sys/fs/cgroup/x").includes("cgroup"), false);
  assert(
    !outerSteps(plan({ cgroup: undefined }), files).some((step) =>
      step.do === "chown" && /cgroup/.test(step.path)
    ),
  );
});

Deno.test("the container's root is given its cgroup, but no file with a limit", () => {
  const given = outerSteps(plan(), files).flatMap((step) =>
    step.do === "chown" && step.path.includes("cgroup") ? [step.path.split("/").at(-1)] : []
  );
  assertEquals(given, ["payload", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]);
});

Deno.test("steps of devices stand where their files, file systems and interfaces are there", () => {
  const step = (name: string): Step => ({ do: "hostname", name });
  const devices = {
    reads: ["/mnt/data"],
    outer: [step("outer")],
    inner: [step("inner")],
    settled: [step("settled")],
  };
  const named = (steps: readonly Step[], name: string) =>
    at(steps, (one) => one.do === "hostname" && one.name === name);
  const outer = outerSteps(plan({ devices }), files);
  assert(named(outer, "outer") > at(outer, (one) => one.do === "mount" && one.type === "overlay"));
  assert(named(outer, "outer") < at(outer, (one) => one.do === "new-user"));
  assert(!mounts(outer).some(({ target }) => target === "/mnt"), "what a device reads is not hidden");
  const inner = innerSteps(plan({ devices }));
  assert(named(inner, "inner") > at(inner, (one) => one.do === "mount" && one.type === "proc"));
  assert(named(inner, "inner") < at(inner, (one) => one.do === "ready"));
  assert(named(inner, "settled") > at(inner, (one) => one.do === "ready"));
  assert(named(inner, "settled") < at(inner, (one) => one.do === "pivot"));
});

Deno.test("the socket of a guest is bound by the parent, in memory, and belongs to the container's root", () => {
  const guest = plan({ guestSocket: 12 });
  const outer = outerSteps(guest, files);
  const [listen, chown] = outer.slice(outer.findIndex((step) => step.do === "listen"));
  assertEquals(listen, { do: "listen", fd: 12, path: "/mnt/guest", backlog: 16 });
  assertEquals(chown, { do: "chown", path: "/mnt/guest", uid: 1, gid: 1 });
  const inner = innerSteps(guest);
  const dev = at(inner, (step) => step.do === "mount" && step.target.endsWith("/root/dev"));
  const own = at(inner, (step) => step.do === "mount" && step.target.endsWith("/root/dev/lxd/sock"));
  assert(dev < own && own < at(inner, (step) => step.do === "pivot"));
  assertEquals(JSON.stringify(innerSteps(plan())).includes("/dev/lxd"), false);
});

Deno.test("a container is filtered once nothing more is mounted or written, and before anybody can join it", () => {
  const inner = innerSteps(plan({ filter: "default", fills: [{ path: "/etc/x", text: "x", fresh: false }] }));
  assertEquals(inner.slice(-4).map(({ do: name }) => name), ["fill", "filter", "inside", "exec"]);
  assert(!innerSteps(plan()).some(({ do: name }) => name === "filter"));
});
