import { assert, assertEquals, assertMatch } from "@std/testing";
import { tools } from "../sys/tools.ts";
import type { Prerequisite } from "../wire/doctor.ts";
import { judge } from "./doctor.ts";
import type { HostFacts } from "./host_facts.ts";

const good: HostFacts = {
  user: { uid: 1000, name: "ann" },
  sysctls: { "kernel/unprivileged_userns_clone": "1", "user/max_user_namespaces": "15000" },
  subIds: { uids: 65536, gids: 65536, grant: "usermod ann" },
  tools: Object.fromEntries(tools.map(({ name }) => [name, `/usr/bin/${name}`])),
  userNamespace: { ok: true },
  idMap: { ok: true },
  overlay: { ok: true },
  cgroup: {
    layout: "unified",
    mount: "/sys/fs/cgroup",
    home: "/sys/fs/cgroup/x/drey",
    controllers: ["cpu", "cpuset", "memory", "pids"],
  },
  systemd: { booted: true, userSession: true },
  devices: { "/dev/kvm": "usable", "/dev/net/tun": "usable", "/dev/fuse": "usable" },
  uplink: { tool: "slirp4netns", why: "small and fast outwards" },
  keyrings: ["/usr/share/keyrings/debian-archive-keyring.gpg"],
  mirror: "http://deb.debian.org/debian",
  disk: { path: "/home/ann/.local/share/drey", free: 2 ** 34 },
};

function find(name: string, change: Partial<HostFacts>): Prerequisite {
  const found = judge({ ...good, ...change }).find((row) => row.name === name);
  assert(found !== undefined, name);
  return found;
}

Deno.test("a host with everything has nothing to fix, and no prerequisite is listed twice", () => {
  const rows = judge(good);
  assertEquals(rows.filter((row) => row.status !== "ok" || row.fix !== ""), []);
  assertEquals(new Set(rows.map((row) => row.name)).size, rows.length);
});

Deno.test("forbidden user namespaces name the sysctl that forbids them", () => {
  const userNamespace = { ok: false, said: "unshare failed: Operation not permitted" } as const;
  const fix = (sysctls: HostFacts["sysctls"]) => find("user namespaces", { userNamespace, sysctls }).fix;
  assertMatch(fix({ "kernel/unprivileged_userns_clone": "0" }), /unprivileged_userns_clone=1/);
  assertMatch(fix({ "user/max_user_namespaces": "0" }), /max_user_namespaces=15000/);
  assertMatch(fix({ "kernel/apparmor_restrict_unprivileged_userns": "1" }), /unprivileged_userns=0/);
  assertMatch(fix({}), /seccomp/);
});

Deno.test("a user without subordinate ids is warned with the one command for the administrator", () => {
  const row = find("subordinate ids", { subIds: { ...good.subIds, gids: 0 } });
  assertEquals(row.status, "warning");
  assertEquals(row.fix, "usermod ann");
});

Deno.test("ids that another user has as well are warned of, by the name of that user", () => {
  const row = find("subordinate ids", { subIds: { ...good.subIds, sharer: "bob" } });
  assertEquals(row.status, "warning");
  assertMatch(row.fix, /bob/);
});

Deno.test("newuidmap is vital to who has subordinate ids, and to nobody else", () => {
  const without = { ...good.tools, newuidmap: undefined };
  assertEquals(find("newuidmap", { tools: without }).status, "missing");
  assertEquals(
    find("newuidmap", { tools: without, subIds: { ...good.subIds, uids: 0, gids: 0 } }).status,
    "ok",
  );
  assertEquals(find("newuidmap", { tools: without, user: { uid: 0, name: "root" } }).status, "ok");
});

Deno.test("overlays that cannot be tried are not blamed on kernel or disk", () => {
  const overlay = { ok: false, said: "mount failed" } as const;
  assertMatch(find("overlay", { overlay }).fix, /^Use Linux 5.12/);
  const row = find("overlay", { overlay, idMap: { ok: false, said: "no newuidmap" } });
  assertEquals([row.status, row.found, row.fix], ["missing", "not tried, since ids cannot be mapped", ""]);
});

Deno.test("a tool for images only is a warning that names its package", () => {
  const row = find("unsquashfs", { tools: { ...good.tools, unsquashfs: undefined } });
  assertEquals([row.status, row.fix], ["warning", "apt-get install squashfs-tools"]);
});

Deno.test("hybrid, v1 and undelegated cgroups are told apart", () => {
  const at = (cgroup: HostFacts["cgroup"]) => find("cgroup delegation", { cgroup }).found;
  assertMatch(at({ layout: "hybrid", mount: "/x", home: "/x", controllers: [] }), /hybrid, \/x: without cpu/);
  assertMatch(
    at({ layout: "v1", mount: undefined, home: undefined, controllers: [] }),
    /cgroup v1: no limits/,
  );
  assertMatch(
    at({ layout: "unified", mount: "/sys/fs/cgroup", home: undefined, controllers: [] }),
    /nothing delegated/,
  );
});

Deno.test("little disk space is a warning, hardly any is a lack", () => {
  const disk = (free: number) => find("disk space", { disk: { path: "/x", free } }).status;
  assertEquals([disk(2 ** 34), disk(2 ** 30), disk(2 ** 20)], ["ok", "warning", "missing"]);
});

Deno.test("a network without a way out is told with its reason, and root needs none", () => {
  const uplink = { tool: undefined, why: "there is no /dev/net/tun", fix: "modprobe tun" } as const;
  const found = (facts: HostFacts) => judge(facts).find(({ name }) => name === "network uplink");
  assertEquals(found({ ...good, uplink })?.status, "warning");
  assertEquals(found({ ...good, uplink })?.fix, "modprobe tun");
  assertEquals(found({ ...good, uplink, user: { uid: 0, name: "root" } })?.status, "ok");
});

Deno.test("a /dev/kvm that opens and does not work is reported, with the reason", () => {
  const facts = { ...good, devices: { "/dev/kvm": "usable" as const } };
  const of = (why?: string) =>
    judge(facts, { kvm: { accelerator: why === undefined ? "kvm" : "tcg", why }, virtiofsd: undefined });
  const find = (rows: ReturnType<typeof judge>, name: string) => rows.find((row) => row.name === name);
  assertEquals(find(of(), "/dev/kvm")?.found, "usable");
  assertEquals(find(of("it hangs"), "/dev/kvm")?.found, "not usable: it hangs");
  assertEquals(find(of(), "virtiofsd")?.status, "warning");
  assertEquals(find(judge(facts), "virtiofsd"), undefined);
});
