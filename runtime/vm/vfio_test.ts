// What is decided about cards on PCI, and what is written for them, on a made-up host.

import { assertEquals, assertThrows } from "@std/testing";
import { dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { functionsOf, giveAway, groupOf, isGiven, takeBack } from "./vfio.ts";

/** A host's PCI: devices in groups, by address; `driver` is a name. */
async function makePci(devices: Record<string, { group?: string; driver?: string; class?: string }>) {
  const sys = await Deno.makeTempDir();
  const place = (address: string) => join(sys, "bus/pci/devices", address);
  for (const [address, { group, driver, class: kind = "0x030000" }] of Object.entries(devices)) {
    await Deno.mkdir(place(address), { recursive: true });
    await Deno.writeTextFile(join(place(address), "class"), `${kind}\n`);
    const link = async (name: string, target: string) => {
      await Deno.mkdir(target, { recursive: true });
      await Deno.symlink(target, join(place(address), name));
    };
    if (driver !== undefined) await link("driver", join(sys, "bus/pci/drivers", driver));
    if (group === undefined) continue;
    const members = join(sys, "kernel/iommu_groups", group, "devices");
    await link("iommu_group", dirname(members));
    await Deno.mkdir(join(members, address), { recursive: true });
  }
  return { sys, place, [Symbol.asyncDispose]: () => Deno.remove(sys, { recursive: true }) };
}

const card = { group: "12", driver: "nouveau" };

Deno.test("a card has all its functions, and its group is what the host can give", async () => {
  await using host = await makePci({
    "0000:00:01.0": { group: "12", driver: "pcieport", class: "0x060400" },
    "0000:01:00.0": card,
    "0000:01:00.1": { group: "12", driver: "snd_hda_intel", class: "0x040300" },
    "0000:02:00.0": { driver: "nvme", class: "0x010802" },
  });
  const both = functionsOf("0000:01:00.0", host.sys);
  assertEquals(both, ["0000:01:00.0", "0000:01:00.1"]);
  assertEquals(groupOf(both, host.sys), "12");
  const refused = (functions: string[], why: string) =>
    assertThrows(() => groupOf(functions, host.sys), DreyError, why);
  refused(["0000:01:00.0"], "together with 0000:01:00.1, which the host uses");
  refused(["0000:02:00.0"], "no IOMMU is in use");
  refused(["0000:09:00.0"], "has no device 0000:09:00.0");
  refused([], "has no device");
});

Deno.test("a card that vfio-pci does not take is said, and one that it has is left to it", async () => {
  await using host = await makePci({
    "0000:01:00.0": card,
    "0000:03:00.0": { group: "3", driver: "vfio-pci" },
  });
  assertThrows(() => giveAway("0000:01:00.0", host.sys), DreyError, "vfio-pci does not take it");
  const written = (path: string) => Deno.readTextFileSync(join(host.sys, path));
  assertEquals(written("bus/pci/devices/0000:01:00.0/driver_override"), "vfio-pci");
  assertEquals(written("bus/pci/drivers/nouveau/unbind"), "0000:01:00.0");
  assertEquals(written("bus/pci/drivers_probe"), "0000:01:00.0");
  assertEquals(isGiven("0000:03:00.0", host.sys), true);
  giveAway("0000:03:00.0", host.sys);
  assertEquals(written("bus/pci/drivers_probe"), "0000:01:00.0");
  takeBack("0000:03:00.0", host.sys);
  assertEquals(written("bus/pci/drivers/vfio-pci/unbind"), "0000:03:00.0");
  assertEquals(written("bus/pci/devices/0000:03:00.0/driver_override"), "\n");
  takeBack("0000:09:00.0", host.sys);
});
