import { DreyError } from "../errors.ts";
import { assertEquals, assertThrows } from "@std/testing";
import type { InstanceFull } from "../wire/instance.ts";
import { parseInstanceColumns } from "./instance_columns.ts";
import { inNetwork, isAbbreviation, passes } from "./instance_filters.ts";

const address = (family: "inet" | "inet6", text: string, scope = "global") => ({
  family,
  address: text,
  netmask: "24",
  scope,
});

const web = {
  name: "web1",
  description: "",
  type: "container",
  architecture: "x86_64",
  status: "Running",
  ephemeral: true,
  profiles: ["default", "small"],
  config: { "user.team": "shop", "volatile.base_image": "0123456789abcdef" },
  expanded_config: { "user.team": "shop", "limits.cpu": "2", "volatile.base_image": "0123456789abcdef" },
  devices: {},
  expanded_devices: { root: { type: "disk", path: "/", pool: "default" } },
  location: "none",
  project: "default",
  snapshots: null,
  state: {
    pid: 42,
    processes: 3,
    cpu: { usage: 5_400_000_000 },
    memory: { usage: 1 << 20, total: 1 << 22 },
    disk: null,
    network: {
      lo: { addresses: [address("inet", "127.0.0.1", "local")] },
      eth0: {
        addresses: [
          address("inet", "10.0.3.2"),
          address("inet6", "fe80::1", "link"),
          address("inet6", "fd00::2"),
        ],
      },
    },
  },
} as unknown as InstanceFull;

Deno.test("passes() takes the beginning of a name, whole expressions, and keys that may be shortened", () => {
  const yes = ["web", "web1", "w.*1", "user.team=shop", "u.team=sh.*", "limits.cpu=2", "type=container"];
  const anchored = ["^web", "1$", "^w.*1$", "user.team=^sh", "name=web1", "name=w.*", "profiles=small"];
  const more = [
    "status=running",
    "status=stopped,running",
    "ipv4=10.0.0.0/8",
    "ipv6=fd00::2",
    "architecture=x86_64",
  ];
  for (const filter of [...yes, ...anchored, "ephemeral=true", ...more]) {
    assertEquals(passes(web, [filter]), true, filter);
  }
  const no = [
    "eb1",
    "user.team=sho",
    "type=virtual-machine",
    "status=stopped",
    "ipv4=10.1.0.0/16",
    "x.team=shop",
    "name=web",
    "^eb",
    "profiles=web",
    "ephemeral=false",
    "snapshots=x",
    "constructor=x",
  ];
  for (const filter of no) assertEquals(passes(web, [filter]), false, filter);
});

Deno.test("passes() wants every filter to hold, and says when one is no expression", () => {
  assertEquals(passes(web, ["web", "status=stopped"]), false);
  assertThrows(() => passes(web, ["zz["]), DreyError, "no regular expression");
});

Deno.test("isAbbreviation() shortens the first word of a key", () => {
  assertEquals(isAbbreviation("s.privileged", "security.privileged"), true);
  assertEquals(isAbbreviation("privileged", "security.privileged"), false);
});

Deno.test("inNetwork() compares addresses of one family", () => {
  assertEquals(inNetwork("fd00::2", "fd00::/8"), true);
  assertEquals(inNetwork("10.0.0.1", "10.0.0.1"), true);
  assertEquals(inNetwork("10.0.0.1", "fd00::/8"), false);
});

Deno.test("parseInstanceColumns() shows letters and keys", () => {
  const cells = parseInstanceColumns("ns46tSbuNpPM,user.team:TEAM:2,devices:root.pool,f").map((
    { header, cell },
  ) => [
    header,
    cell(web),
  ]);
  assertEquals(cells, [
    ["NAME", "web1"],
    ["STATE", "RUNNING"],
    ["IPV4", "10.0.3.2 (eth0)"],
    ["IPV6", "fd00::2 (eth0)"],
    ["TYPE", "CONTAINER (EPHEMERAL)"],
    ["SNAPSHOTS", "0"],
    ["STORAGE POOL", "default"],
    ["CPU USAGE", "5s"],
    ["PROCESSES", "3"],
    ["PID", "42"],
    ["PROFILES", "default\nsmall"],
    ["MEMORY USAGE%", "25.0%"],
    ["TEAM", "sh"],
    ["ROOT.POOL", "default"],
    ["BASE IMAGE", "0123456789ab"],
  ]);
  assertThrows(() => parseInstanceColumns("nZ"), DreyError, 'no column "Z"');
});
