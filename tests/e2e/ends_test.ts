// How instances end, and what they weigh and leave behind while they run.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { initOf, ourProcesses, snippets } from "../support/inside.ts";
import { exists, readIfThere } from "../../sys/present.ts";
import { findLeftovers, nothingLeft } from "../support/leftovers.ts";

const needs = ["userns", "subids"] as const;

async function statusOf(drey: Drey, name: string): Promise<string | undefined> {
  return JSON.parse(await drey`list ${name} --format json`)[0]?.status;
}

await e2e(
  "an instance that powers off is stopped and cleaned up by nobody's command",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    await drey.tries`exec c1 -- perl -e ${snippets.powerOff}`;
    const known = [{ name: "c1", isRunning: false }];
    const left = await findLeftovers(drey.directory, known);
    assertEquals(left, nothingLeft);
    assertEquals(await statusOf(drey, "c1"), "Stopped");
    await eventually("that is noted", async () => {
      const { config } = JSON.parse(await drey`query /1.0/instances/c1`);
      return config["volatile.last_state.power"] === "STOPPED";
    });
  },
);

await e2e("an instance that reboots runs again with a new init", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- touch /root/kept /run/lost`;
  const before = await initOf(drey, "c1");
  await drey.tries`exec c1 -- perl -e ${snippets.reboot}`;
  await eventually("running again", async () => {
    const pid = await initOf(drey, "c1");
    return pid > 0 && pid !== before && await statusOf(drey, "c1") === "Running";
  });
  assertEquals(await drey`exec c1 -- ls /root /run`, "/root:\nkept\n\n/run:\n");
});

await e2e(
  "an ephemeral instance is gone when it powers off, and stays when it reboots",
  { needs },
  async (drey) => {
    await drey`launch tiny c1 --ephemeral`;
    const before = await initOf(drey, "c1");
    await drey.tries`exec c1 -- perl -e ${snippets.reboot}`;
    await eventually("running again", async () => ![0, before].includes(await initOf(drey, "c1")));
    await eventually("running", async () => await statusOf(drey, "c1") === "Running");
    await drey.tries`exec c1 -- perl -e ${snippets.powerOff}`;
    await eventually("gone", async () => await statusOf(drey, "c1") === undefined);
    await drey`launch tiny c2 --ephemeral`;
    await drey`stop c2`;
    assertEquals(await statusOf(drey, "c2"), undefined);
  },
);

await e2e("an init that fails is not started again and again", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- sh -c ${"printf '#!/bin/sh\\necho x >>/starts\\nexit 3\\n' >/usr/sbin/init"}`;
  await drey`restart -f c1`;
  await eventually("stopped", async () => await statusOf(drey, "c1") === "Stopped");
  // nobody is left who could start it
  assertEquals((await findLeftovers(drey.directory, [{ name: "c1", isRunning: false }])).processes, []);
  assertEquals(await statusOf(drey, "c1"), "Stopped");
  assertEquals(await drey`file pull c1/starts -`, "x\n");
});

await e2e("an init that cannot be executed is told by start", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- sh -c ${"echo '#!/bin/nothing' >/usr/sbin/init"}`;
  await drey`stop -f c1`;
  const cannotStart = async (why: RegExp) => {
    const { code, stderr } = await drey.tries`start c1`;
    assertEquals(code, 1);
    assertMatch(stderr, why);
    assertEquals(await statusOf(drey, "c1"), "Stopped");
  };
  await cannotStart(/execve\(2\) of \/sbin\/init: ENOENT\. .*interpreter/);
  await drey`file delete c1/usr/sbin/init`;
  await drey`file push --mode 0644 /etc/hostname c1/usr/sbin/init`;
  await cannotStart(/execve\(2\) of \/sbin\/init: EACCES\. /);
  assertEquals(await findLeftovers(drey.directory, [{ name: "c1", isRunning: false }]), nothingLeft);
});

await e2e("a clean stop lets init end by itself, and a time-out ends it", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const deaf = "printf '#!/bin/sh\\ntrap : PWR\\nwhile :; do sleep 1; done\\n' >/usr/sbin/init";
  await drey`exec c1 -- sh -c ${deaf}`;
  await drey`stop c1`;
  assertEquals(await statusOf(drey, "c1"), "Stopped");
  await drey`start c1`;
  const started = Date.now();
  await drey`stop c1 --timeout 1`;
  assert(Date.now() - started >= 1000, "it was given its second");
  assertEquals(await statusOf(drey, "c1"), "Stopped");
});

await e2e(
  "a frozen instance stands still, goes on, and can be ended",
  { needs: [...needs, "cgroup"] },
  async (drey) => {
    await drey`launch tiny c1`;
    await drey`exec c1 -- sh -c ${"while :; do echo x >>/tmp/ticks; sleep 0.05; done >/dev/null 2>&1 &"}`;
    const ticks = `${drey.directory}/storage-pools/default/containers/c1/top/upper/tmp/ticks`;
    await eventually("it ticks", () => exists(ticks), 20);
    await drey`pause c1`;
    assertEquals(await statusOf(drey, "c1"), "Frozen");
    const { code, stderr } = await drey.tries`exec c1 -- true`;
    assertEquals(code, 1);
    assertMatch(stderr, /frozen/i);
    const size = (await Deno.stat(ticks)).size;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals((await Deno.stat(ticks)).size, size);
    await drey`resume c1`;
    await eventually("ticking", async () => (await Deno.stat(ticks)).size > size);
    await drey`pause c1`;
    await drey`stop -f c1`;
    assertEquals(await statusOf(drey, "c1"), "Stopped");
    await drey`start c1`;
    await drey`pause c1`;
    await drey`stop c1`;
    assertEquals(await statusOf(drey, "c1"), "Stopped", "a clean stop lets it go on first");
  },
);

await e2e("the console log has what init printed, and stays bounded", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await eventually("logged", async () => (await drey`console c1 --show-log`).includes("tiny init started"));
  const line = "0123456789abcdef".repeat(4);
  await drey`exec c1 -- sh -c ${`yes ${line} | head -n 16500 >/dev/console; echo the end >/dev/console`}`;
  await eventually("logged", async () => (await drey`console c1 --show-log`).includes("the end"));
  const log = await drey`console c1 --show-log`;
  assert(log.length >= 128 << 10, `${log.length} bytes are kept`);
  const directory = `${drey.directory}/logs/c1`;
  const sizes = [...Deno.readDirSync(directory)].map(({ name }) =>
    Deno.statSync(`${directory}/${name}`).size
  );
  assert(sizes.reduce((sum, size) => sum + size, 0) <= 512 << 10, `files of ${sizes} bytes`);
});

await e2e("a line that does not end fills no memory of the host", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- sh -c ${"head -c 6000000 /dev/zero | tr '\\0' x >/dev/console; true"}`;
  for (const { pid, argv } of await ourProcesses(drey, "c1")) {
    assert(proportionalSize(pid) < 8192, `${proportionalSize(pid)} kB: ${argv}`);
  }
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
});

await e2e("a running container costs at most a megabyte of ours", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- true`;
  const ours = await ourProcesses(drey, "c1");
  assert(ours.length >= 3, ours.map(({ argv }) => argv).join("\n"));
  const sizes = ours.map(({ pid }) => proportionalSize(pid));
  const total = sizes.reduce((sum, kilobytes) => sum + kilobytes, 0);
  assert(total <= 1024, `${total} kB: ${ours.map(({ argv }, at) => `${sizes[at]} kB ${argv}`).join("\n")}`);
});

/** kB of memory, shared parts counted by their share; proc_pid_smaps(5). */
function proportionalSize(pid: number): number {
  // one that ends just now takes nothing any more
  const text = readIfThere(`/proc/${pid}/smaps_rollup`) ?? "";
  return Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0);
}
