import { assertEquals } from "@std/testing";
import { changesOf } from "./guest.ts";

const none = { config: {}, devices: {} };
const root = { type: "disk", path: "/" };

Deno.test("changesOf() tells of keys that were set, changed and unset", () => {
  const before = { ...none, config: { "user.a": "1", "user.b": "2", "user.c": "3" } };
  const after = { ...none, config: { "user.b": "2", "user.c": "4", "user.d": "5" } };
  assertEquals(changesOf(before, after).map(({ metadata }) => metadata), [
    { key: "user.a", old_value: "1", value: "" },
    { key: "user.c", old_value: "3", value: "4" },
    { key: "user.d", old_value: "", value: "5" },
  ]);
});

Deno.test("changesOf() tells of devices that came, went and changed, and how they are now", () => {
  const before = { ...none, devices: { root, old: { type: "nic" }, same: { type: "nic", mtu: "1" } } };
  const after = {
    ...none,
    devices: { root: { ...root, size: "1GiB" }, new: { type: "gpu" }, same: { mtu: "1", type: "nic" } },
  };
  assertEquals(changesOf(before, after).map(({ metadata }) => metadata), [
    { action: "added", name: "new", config: { type: "gpu" } },
    { action: "removed", name: "old", config: { type: "nic" } },
    { action: "updated", name: "root", config: { ...root, size: "1GiB" } },
  ]);
});
