import { assertEquals } from "@std/testing";
import type { Config } from "../../wire/instance.ts";
import { planLimits } from "./limits.ts";

const host = { memory: 2 ** 33, cpus: [0, 1, 4, 5], hasCpuset: true };
const files = (config: Config, size = host, options = {}) =>
  Object.fromEntries(planLimits(config, size, options).map(({ file, value }) => [file, value]));

Deno.test("no setting is no limit, and a reset writes none everywhere", () => {
  assertEquals(files({}), {});
  assertEquals(files({}, host, { reset: true }), {
    "memory.high": "max",
    "memory.max": "max",
    "memory.swap.max": "max",
    "cpuset.cpus": "0,1,4,5",
    "cpu.max": "max 100000",
    "cpu.weight": "100",
    "pids.max": "max",
  });
});

Deno.test("memory is limited in bytes or in parts of the host's, hard or soft", () => {
  assertEquals(files({ "limits.memory": "64MiB" }), { "memory.max": String(64 << 20) });
  assertEquals(files({ "limits.memory": "25%" }), { "memory.max": String(2 ** 31) });
  assertEquals(files({ "limits.memory": "1GiB", "limits.memory.enforce": "soft" }), {
    "memory.high": String(1 << 30),
  });
  assertEquals(files({ "limits.memory.swap": "false" }), { "memory.swap.max": "0" });
});

Deno.test("processors are counted or named; without cpuset so many are so much time", () => {
  assertEquals(files({ "limits.cpu": "2" }), { "cpuset.cpus": "0,1" });
  assertEquals(files({ "limits.cpu": "1,4-5" }), { "cpuset.cpus": "1,4,5" });
  assertEquals(files({ "limits.cpu": "2" }, { ...host, hasCpuset: false }), { "cpu.max": "200000 100000" });
});

Deno.test("an allowance is a share of what is contended for, or a quota of time", () => {
  assertEquals(files({ "limits.cpu.allowance": "50%" }), { "cpu.weight": "50" });
  assertEquals(files({ "limits.cpu.allowance": "25ms/100ms" }), { "cpu.max": "25000 100000" });
});

Deno.test("every limit names the key and the controller it stands on", () => {
  const all = planLimits({ "limits.processes": "200", "limits.cpu": "0-0" }, host);
  assertEquals(all.map(({ key, controller }) => [key, controller]), [
    ["limits.cpu", "cpuset"],
    ["limits.processes", "pids"],
  ]);
});
