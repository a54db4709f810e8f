// A virtual machine of Debian: it boots to the end.

import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { lendKernel } from "../support/machines.ts";

const needs = ["userns", "subids", "overlay", "machines", "user"] as const;

await e2e(
  "Debian boots to the end in a virtual machine, and ends when asked",
  { needs: [...needs, "debian"], images: ["debian"] },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch debian v1 --vm`;
    assertMatch(await drey`exec v1 -- cat /etc/os-release`, /Debian/);
    assertEquals(await drey`exec v1 -- stat -c ${"%F %t:%T"} /dev/fuse`, "character special file a:e5\n");
    const wait = "until [ -S /run/systemd/private ]; do sleep 0.2; done; systemctl is-system-running --wait";
    // minutes, where the processor is emulated and shared
    const booted = await drey.run(["exec", "v1", "--", "sh", "-c", wait], { timeout: 900_000 });
    assertEquals(booted.stdout, "running\n");
    assertEquals(await drey`exec v1 -- systemd-detect-virt --container`.catch(() => "none\n"), "none\n");
    await drey`stop v1 --timeout 280`;
    const [{ status, config }] = JSON.parse(await drey`list --format json`);
    assertEquals([status, config["volatile.last_state.power"]], ["Stopped", "STOPPED"]);
  },
);
