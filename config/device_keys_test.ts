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
  assertEquals(codeOf({ type: "infiniband" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ type: "disk", path: "/mnt", source: "ceph:a/b" }), "NOT_SUPPORTED");
  assertEquals(codeOf({ type: "disk", path: "/mnt", source: "/srv", size: "1GiB" }), "BAD_REQUEST");
  assertEquals(codeOf({ type: "toaster" }), "BAD_REQUEST");
  assertEquals(codeOf({}), "BAD_REQUEST");
  assertEquals(codeOf({ ...root, sizes: "10GiB" }), "BAD_REQUEST");
  assertEquals(codeOf({ type: "disk", path: "/" }), "BAD_REQUEST");
  assertEquals(codeOf({ type: "disk", path: "/mnt" }), "BAD_REQUEST");
  assertEquals(codeOf(root, "a b"), "BAD_REQUEST");
  assertEquals(codeOf(root, "constructor"), "BAD_REQUEST");
});

Deno.test("two root disks are one too many", () => {
  assertThrows(() => validateDevices({ a: root, b: root }), DreyError, '"a" and "b"');
  assertEquals(findRootDisk({ x: { type: "none" }, a: root })?.name, "a");
});

Deno.test("a NIC has the keys of how it is connected", () => {
  validateDevices({
    a: { type: "nic", network: "n", "ipv4.address": "10.0.0.5", "limits.ingress": "10Mbit" },
    b: { type: "nic", nictype: "bridged", parent: "br0", hwaddr: "00:16:3e:00:00:01", mtu: "1400" },
    c: { type: "nic", nictype: "routed", "ipv4.address": "10.0.0.5, 10.0.0.6" },
    d: { type: "nic", nictype: "p2p", host_name: "veth5" },
    e: { type: "nic", nictype: "ipvlan", parent: "eth0", "ipv4.address": "10.0.0.5,10.0.0.6" },
    f: { type: "nic", nictype: "ipvlan", parent: "eth0", mode: "l2", "ipv4.address": "10.0.0.5/24" },
    g: { type: "nic", nictype: "ipvlan", parent: "eth0", mode: "l2", "ipv4.gateway": "10.0.0.1" },
    h: { type: "nic", nictype: "sriov", parent: "eth0", "security.mac_filtering": "true", vlan: "5" },
    i: { type: "nic", nictype: "host" },
  });
  const wrong: Device[] = [
    { type: "nic", network: "dreybr0", mtu: "1400" },
    { type: "nic" },
    { type: "nic", nictype: "bridged" },
    { type: "nic", nictype: "bridged", network: "n" },
    { type: "nic", nictype: "p2p", "security.mac_filtering": "true" },
    { type: "nic", nictype: "ipvlan", parent: "eth0", hwaddr: "00:16:3e:00:00:01" },
    { type: "nic", nictype: "ipvlan", parent: "eth0", "ipv4.address": "10.0.0.5/24" },
    { type: "nic", nictype: "ipvlan", parent: "eth0", "ipv4.gateway": "10.0.0.1" },
    { type: "nic", nictype: "ipvlan", parent: "eth0", mode: "l2", "ipv4.gateway": "auto" },
    { type: "nic", nictype: "routed", "ipv4.gateway": "10.0.0.1" },
    { type: "nic", nictype: "macvlan", parent: "eth0", gvrp: "true" },
    { type: "nic", nictype: "host", hwaddr: "00:16:3e:00:00:01" },
    { type: "nic", network: "n", "ipv4.address": "10.0.0.5/24" },
    { type: "nic", network: "n", hwaddr: "ff:ff:ff:ff:ff:ff" },
    { type: "nic", network: "n", name: "far-too-long-a-name" },
    // these names are words of sh(1), ip(8) and nftables
    ...["$(id)", ";id;", '"accept#', "veth*", "a\0b", "-x", "a'b", "a\\b", ".."].flatMap((word): Device[] => [
      { type: "nic", network: "n", host_name: word },
      { type: "nic", network: "n", name: word },
      { type: "nic", nictype: "macvlan", parent: word },
    ]),
    { type: "nic", network: "n", "limits.ingress": "fast" },
  ];
  for (const device of wrong) assertEquals(codeOf(device), "BAD_REQUEST", JSON.stringify(device));
  validateDevices({ a: { type: "nic", network: "n", vlan: "7", "vlan.tagged": "8,9" } });
  assertEquals(codeOf({ type: "nic", network: "n", "security.trusted": "true" }), "NOT_SUPPORTED");
});
