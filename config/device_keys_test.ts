import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { Device } from "../wire/instance.ts";
import { findRootDisk, validateDevices } from "./device_keys.ts";

const root: Device = { type: "disk", path: "/", pool: "default" };

function codeOf(device: Device, name = "d"): string {
  return assertThrows(() => validateDevices({ [name]: device }), DreyError).code;
}

Deno.test("validateDevices() takes the root disk and a device that hides another", () => {
  validateDevices({ root, eth0: { type: "none" } });
});

Deno.test("validateDevices() tells what is still to come from what is wrong", () => {
  assertEquals(codeOf({ type: "nic" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ ...root, size: "10GiB" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ type: "disk", path: "/mnt", source: "ceph:a/b" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ type: "disk", path: "/mnt", source: "/srv", size: "1GiB" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ type: "toaster" }), "BAD_REQUEST");
  assertEquals(codeOf({}), "BAD_REQUEST");
  assertEquals(codeOf({ ...root, sizes: "10GiB" }), "BAD_REQUEST");
  assertEquals(codeOf({ type: "disk", path: "/" }), "BAD_REQUEST");
  assertEquals(codeOf({ type: "disk", path: "/mnt" }), "BAD_REQUEST");
  assertEquals(codeOf(root, "a b"), "BAD_REQUEST");
});

Deno.test("two root disks are one too many", () => {
  assertThrows(() => validateDevices({ a: root, b: root }), DreyError, '"a" and "b"');
  assertEquals(findRootDisk({ x: { type: "none" }, a: root })?.name, "a");
});
