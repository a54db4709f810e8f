// A virtual machine of Debian: it boots to the end, goes back to a snapshot, is copied, exported and imported.

import { eventually } from "../support/eventually.ts";
import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
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

await e2e(
  "a virtual machine goes back to snapshots, is copied, exported and imported",
  { needs },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny v1 --vm`;
    await drey`exec v1 -- ${["sh", "-c", "echo first >/root/state"]}`;
    await drey`snapshot v1 one`;
    await drey`exec v1 -- ${["sh", "-c", "echo second >/root/state"]}`;
    await drey`restore v1 one`;
    assertEquals(await drey`exec v1 -- cat /root/state`, "first\n");

    await drey`copy v1 v2`;
    const file = join(drey.directory, "v1.tar.gz");
    await drey`export v1 ${file}`;
    await drey`delete --force v1`;
    await drey`import ${file} v3`;
    const listed: { name: string; type: string }[] = JSON.parse(await drey`list --format json`);
    assertEquals(listed.map(({ name, type }) => [name, type]), [
      ["v2", "virtual-machine"],
      ["v3", "virtual-machine"],
    ]);
    await drey`start v3`;
    assertEquals(await drey`exec v3 -- cat /root/state`, "first\n");
    // the guest asks for it itself, and is started anew
    const before = (await drey`exec v3 -- cat /proc/sys/kernel/random/boot_id`).trim();
    await drey.tries`exec v3 -- ${["sh", "-c", "echo b >/proc/sysrq-trigger"]}`;
    let after = before;
    await eventually("it is started anew", async () => {
      after = (await drey.tries`exec v3 -- cat /proc/sys/kernel/random/boot_id`).stdout.trim() || before;
      return after !== before;
    });
  },
);
