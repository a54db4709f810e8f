import { assertThrows } from "@std/testing";
import { DreyError } from "../../errors.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import { mustFit, mustFitImages } from "./limits.ts";
import type { Member } from "./members.ts";
import { mustBeAllowed, mustPermit } from "./restrictions.ts";

const member = (config: Config, devices: Devices = {}, type: Member["type"] = "container"): Member => ({
  name: "c1",
  type,
  config,
  devices,
});

const fit = (rules: Config, members: Member[], more: Partial<Parameters<typeof mustFit>[2]> = {}) =>
  mustFit("p", rules, { members, volumes: [], networks: 0, ...more });

Deno.test("mustFit() adds up what instances may use, and wants each to say it", () => {
  const half = member({ "limits.memory": "512MiB", "limits.cpu": "1", "limits.processes": "100" });
  fit({ "limits.memory": "1GiB", "limits.cpu": "2", "limits.processes": "200" }, [half, half]);
  assertThrows(() => fit({ "limits.memory": "1000MiB" }, [half, half]), DreyError, "1.00GiB together");
  assertThrows(() => fit({ "limits.cpu": "1" }, [half, half]), DreyError, "limits.cpu");
  assertThrows(() => fit({ "limits.memory": "1GiB" }, [member({})]), DreyError, '"c1" has no limits.memory');
  // a share of the host adds up to nothing, and neither does a set of processors
  assertThrows(() => fit({ "limits.memory": "1GiB" }, [member({ "limits.memory": "5%" })]), DreyError, "no");
  assertThrows(
    () => fit({ "limits.cpu": "8" }, [member({ "limits.cpu": "0-1" })]),
    DreyError,
    "no limits.cpu",
  );
});

Deno.test("mustFit() counts processes of containers only", () => {
  fit({ "limits.processes": "10" }, [member({}, {}, "virtual-machine")]);
  assertThrows(() => fit({ "limits.processes": "10" }, [member({})]), DreyError, "limits.processes");
});

Deno.test("mustFit() adds up root disks and volumes, of one pool or of all", () => {
  const root = (pool: string, size: string) => member({}, { root: { type: "disk", path: "/", pool, size } });
  const volumes = [{ pool: "fast", name: "v", config: { size: "1GiB" } }];
  const two = [root("fast", "1GiB"), root("slow", "5GiB")];
  fit({ "limits.disk": "7GiB", "limits.disk.pool.fast": "2GiB" }, two, { volumes });
  assertThrows(() => fit({ "limits.disk": "6GiB" }, two, { volumes }), DreyError, "7.00GiB together");
  assertThrows(() => fit({ "limits.disk.pool.fast": "1GiB" }, two, { volumes }), DreyError, "pool.fast");
  assertThrows(() => fit({ "limits.disk": "9GiB" }, [root("fast", "")]), DreyError, "has no size");
});

Deno.test("mustFitImages() adds images to root disks and volumes, which need not make room for them", () => {
  const held = {
    members: [member({}, { root: { type: "disk", path: "/", pool: "fast", size: "1GiB" } })],
    volumes: [{ pool: "fast", name: "v", config: {} }],
    networks: 0,
  };
  const two = (limit: string) =>
    mustFitImages("p", { "limits.disk": limit }, { held, images: [2 ** 20, 2 ** 20] });
  two("1026MiB");
  two("");
  assertThrows(() => two("1025MiB"), DreyError, "limits.disk in project");
  fit({ "limits.disk": "1GiB" }, held.members);
});

Deno.test("mustFit() counts networks and instances by type", () => {
  fit({ "limits.networks": "1", "limits.virtual-machines": "0" }, [member({})], { networks: 1 });
  assertThrows(() => fit({ "limits.networks": "1" }, [], { networks: 2 }), DreyError, "limits.networks is 1");
  assertThrows(() => fit({ "limits.containers": "0" }, [member({})]), DreyError, "number of containers");
});

const nic = (more: Record<string, string>): Devices => ({ eth0: { type: "nic", ...more } });
const disk = (more: Record<string, string>): Devices => ({ d: { type: "disk", path: "/mnt", ...more } });

/** What is refused in a restricted project, and what makes it allowed. */
const rows: { what: string; config?: Config; devices?: Devices; type?: Member["type"]; allow?: Config }[] = [
  {
    what: "nesting",
    config: { "security.nesting": "true" },
    allow: { "restricted.containers.nesting": "allow" },
  },
  { what: "raw settings", config: { "raw.lxc": "x" }, allow: { "restricted.containers.lowlevel": "allow" } },
  {
    what: "privilege",
    config: { "security.privileged": "true" },
    allow: { "restricted.containers.privilege": "allow" },
  },
  {
    what: "interception",
    config: { "security.syscalls.intercept.mount": "true" },
    allow: { "restricted.containers.interception": "allow" },
  },
  {
    what: "raw settings of a machine",
    config: { "raw.qemu": "-x" },
    type: "virtual-machine",
    allow: { "restricted.virtual-machines.lowlevel": "allow" },
  },
  {
    what: "ids of the host",
    config: { "raw.idmap": "both 1000 0" },
    allow: { "restricted.idmap.uid": "900-1100", "restricted.idmap.gid": "1000" },
  },
  {
    what: "a directory of the host",
    devices: disk({ source: "/srv" }),
    allow: { "restricted.devices.disk": "allow" },
  },
  {
    what: "a NIC of no network",
    devices: nic({ nictype: "p2p" }),
    allow: { "restricted.devices.nic": "allow" },
  },
  {
    what: "a proxy",
    devices: { p: { type: "proxy", listen: "tcp::80", connect: "tcp::80" } },
    allow: { "restricted.devices.proxy": "allow" },
  },
];

for (const { what, config = {}, devices = {}, type, allow } of rows) {
  Deno.test(`a restricted project has no ${what} unless it is allowed`, () => {
    const one = member(config, devices, type);
    mustBeAllowed("p", { "restricted.containers.nesting": "block" }, one);
    assertThrows(() => mustBeAllowed("p", { restricted: "true" }, one), DreyError, "is restricted by");
    mustBeAllowed("p", { restricted: "true", ...allow }, one);
  });
}

Deno.test("a restricted project may name directories, networks and ids, and others stay closed", () => {
  const paths = {
    restricted: "true",
    "restricted.devices.disk": "allow",
    "restricted.devices.disk.paths": "/srv/a",
  };
  mustBeAllowed("p", paths, member({}, disk({ source: "/srv/a/b" })));
  for (const source of ["/srv", "/srv/ab", "/srv/a/../b"]) {
    assertThrows(() => mustBeAllowed("p", paths, member({}, disk({ source }))), DreyError, "disk.paths");
  }
  const access = { restricted: "true", "restricted.networks.access": "one, two" };
  mustBeAllowed("p", access, member({}, nic({ network: "two" })));
  assertThrows(() => mustBeAllowed("p", access, member({}, nic({ network: "six" }))), DreyError, "access");
  const slash = { ...paths, "restricted.devices.disk.paths": "/srv/c, /srv/a/" };
  mustBeAllowed("p", slash, member({}, disk({ source: "/srv/a" })));
  // a kind that is not named is not open, nor is what is no number
  const users = { restricted: "true", "restricted.idmap.uid": "1000" };
  for (const line of ["gid 0 1", "both 1000 1", "uid 1000- 1", "uid 0 1", "gid  1"]) {
    assertThrows(
      () => mustBeAllowed("p", users, member({ "raw.idmap": line })),
      DreyError,
      "restricted.idmap",
    );
  }
  const ids = { restricted: "true", "restricted.idmap.uid": "1000", "restricted.idmap.gid": "1000" };
  for (const line of ["uid 1001 0", "both 1000-1001 0", "both 0 0"]) {
    assertThrows(() => mustBeAllowed("p", ids, member({ "raw.idmap": line })), DreyError, "idmap");
  }
});

Deno.test("a restricted project keeps its root disks, and has snapshots and backups where they are allowed", () => {
  const block = { restricted: "true", "restricted.devices.disk": "block" };
  mustBeAllowed("p", block, member({}, { root: { type: "disk", path: "/", pool: "default" } }));
  assertThrows(
    () => mustBeAllowed("p", block, member({}, disk({ pool: "default", source: "v" }))),
    DreyError,
  );
  const isolated = { restricted: "true", "restricted.containers.privilege": "isolated" };
  mustBeAllowed("p", isolated, member({ "security.idmap.isolated": "True" }));
  assertThrows(() => mustBeAllowed("p", isolated, member({})), DreyError, "shares with others");
  assertThrows(
    () => mustPermit("p", { restricted: "true" }, "snapshots"),
    DreyError,
    "does not allow snapshots",
  );
  mustPermit("p", { restricted: "true", "restricted.backups": "allow" }, "backups");
  mustPermit("p", {}, "backups");
});
