import { assertEquals } from "@std/testing";
import { isNewToCloudInit } from "./cloud_init.ts";

const before = {
  config: { "cloud-init.user-data": "#cloud-config", "user.own": "1", "volatile.eth0.name": "eth0" },
  devices: { eth0: { type: "nic", network: "lab" }, root: { type: "disk", path: "/" } },
};

Deno.test("cloud-init's data and the names of NICs make an instance new to it, other settings do not", () => {
  const withConfig = (config: Record<string, string>) =>
    isNewToCloudInit({ before, after: { ...before, config: { ...before.config, ...config } } });
  assertEquals(withConfig({ "user.own": "2", "cloud-init.vendor-data": "" }), false);
  assertEquals(withConfig({ "cloud-init.user-data": "#cloud-config\npackages: []" }), true);
  assertEquals(withConfig({ "user.network-config": "version: 1" }), true);
  const withDevices = (devices: Record<string, Record<string, string>>) =>
    isNewToCloudInit({ before, after: { ...before, devices: { ...before.devices, ...devices } } });
  assertEquals(withDevices({ d: { type: "disk", path: "/d" } }), false);
  assertEquals(withDevices({ eth0: { type: "nic", network: "other" } }), false);
  assertEquals(withDevices({ eth1: { type: "nic", network: "lab" } }), true);
});
