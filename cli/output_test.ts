import { assertEquals } from "@std/testing";
import { binarySize, dateTime, decimalSize, formatList, longDate, naturalCompare, toYaml } from "./output.ts";

Deno.test("naturalCompare() puts c2 before c10", () => {
  assertEquals(["c10", "c2", "b", "c1", "c", "c2a"].sort(naturalCompare), [
    "b",
    "c",
    "c1",
    "c2",
    "c2a",
    "c10",
  ]);
});

Deno.test("naturalCompare() puts 6d before 06b, as lxc does", () => {
  assertEquals(["06b", "6d", "5c", "007", "07"].sort(naturalCompare), ["5c", "6d", "06b", "07", "007"]);
});

Deno.test("sizes are written as LXD writes them", () => {
  assertEquals([0, 999, 73_670_000].map((bytes) => decimalSize(bytes)), ["0B", "999B", "73.67MB"]);
  assertEquals([1023, 1024, 1 << 30].map((bytes) => binarySize(bytes)), ["1023B", "1.00KiB", "1.00GiB"]);
});

Deno.test("dateTime() leaves times that never were empty", () => {
  assertEquals(dateTime("2026-11-20T20:42:10.5Z"), "2026/11/20 20:42 UTC");
  assertEquals(dateTime("0001-01-01T00:00:00Z"), "");
  assertEquals(dateTime("1970-01-01T00:00:00Z"), "");
});

Deno.test("longDate() counts hours as people do", () => {
  assertEquals(longDate("2026-11-20T20:02:00Z"), "Nov 20, 2026 at 8:02pm (UTC)");
  assertEquals(longDate("2026-11-20T00:30:00Z"), "Nov 20, 2026 at 12:30am (UTC)");
});

Deno.test("toYaml() does not indent lists and quotes texts that look like something else", async () => {
  const text = await toYaml({ profiles: ["default"], config: { "limits.cpu": "2", on: "true" }, used: [] });
  assertEquals(text, "profiles:\n- default\nconfig:\n  limits.cpu: '2'\n  'on': 'true'\nused: []\n");
});

Deno.test("toYaml() sorts keys and devices, and keeps the order of fields", async () => {
  const value = { name: "c1", config: { b: "2", a: "1" }, devices: { root: { type: "disk", path: "/" } } };
  const text = await toYaml([{ ...value, description: "" }]);
  assertEquals(
    text,
    "- name: c1\n  config:\n    a: '1'\n    b: '2'\n  devices:\n    root:\n      type: disk\n      path: /\n" +
      "  description: ''\n",
  );
});

Deno.test("formatList() gives programs the data, not the table", async () => {
  const table = { header: ["NAME"], rows: [["c1"]] };
  assertEquals(await formatList("json", table, [{ name: "c1" }]), '[{"name":"c1"}]\n');
  assertEquals(await formatList("yaml", table, [{ name: "c1" }]), "- name: c1\n");
  assertEquals(await formatList("csv", table, []), "c1\n");
});
