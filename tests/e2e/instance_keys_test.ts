// Keys of instances that are more than a note: each does what it says.

import { eventually } from "../support/eventually.ts";
import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e("an instance that is protected is neither deleted nor started", { needs }, async (drey) => {
  await drey`init tiny c1 -c security.protection.delete=true`;
  const refused = await drey.tries`delete -f c1`;
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /protected from being deleted/);
  await drey`start c1`;
  assertEquals((await drey.tries`delete -f c1`).code, 1);
  assertEquals(JSON.parse(await drey`query /1.0/instances/c1`).status, "Running", "it was not even stopped");
  await drey`config set c1 security.protection.start true`;
  await drey`stop -f c1`;
  assertMatch((await drey.tries`start c1`).stderr, /protected from being started/);
  await drey`config unset c1 security.protection.delete`;
  await drey`delete c1`;
});

await e2e("kernel parameters of an instance are set before its init begins", { needs }, async (drey) => {
  await drey`init tiny c1 -c linux.sysctl.net.ipv4.ip_forward=1 -c linux.sysctl.kernel.msgmax=4242`;
  await drey`start c1`;
  const shown = await drey`exec c1 -- cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax`;
  assertEquals(shown, "1\n4242\n");
  await drey`stop -f c1`;
  // what is the host's stays the host's
  const before = await Deno.readTextFile("/proc/sys/vm/swappiness");
  await drey`config set c1 linux.sysctl.vm.swappiness 7`;
  const { code, stderr } = await drey.tries`start c1`;
  assertEquals(code, 1);
  assertMatch(stderr, /vm\/swappiness/);
  assertEquals(await Deno.readTextFile("/proc/sys/vm/swappiness"), before);
  assertMatch(
    (await drey.tries`config set c1 linux.sysctl.net../../x 1`).stderr,
    /names no kernel parameter/,
  );
});

await e2e("limits of the kernel hold for init and for commands", { needs }, async (drey) => {
  await drey`launch tiny c1 -c limits.kernel.nofile=100:200 -c limits.kernel.core=0`;
  const limits = async (pid: string) => {
    const text = await drey`exec c1 -- cat /proc/${pid}/limits`;
    return ["Max open files", "Max core file size"].map((name) =>
      new RegExp(`^${name} +(\\S+) +(\\S+)`, "m").exec(text)?.slice(1)
    );
  };
  for (const pid of ["1", "self"]) assertEquals(await limits(pid), [["100", "200"], ["0", "0"]], pid);
  assertEquals((await drey.tries`config set c1 limits.kernel.nofile 5:4`).code, 1);
});

await e2e(
  "the first server after a start of the host starts what is to start, once",
  { needs },
  async (drey) => {
    await drey`init tiny c1 -c boot.autostart=true`;
    await drey`init tiny c2`;
    const status = async (name: string) => JSON.parse(await drey`query /1.0/instances/${name}`).status;
    {
      await using _server = await serve(drey);
      await eventually("it runs", async () => await status("c1") === "Running");
      assertEquals([await status("c1"), await status("c2")], ["Running", "Stopped"]);
      await drey`stop -f c1`;
    }
    await using _server = await serve(drey);
    await sleep(500);
    assertEquals(await status("c1"), "Stopped", "what somebody stops stays stopped");
  },
);

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
