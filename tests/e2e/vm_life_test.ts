// Virtual machines with a shared root, from launch to delete: the same commands as for containers.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { snippets } from "../support/inside.ts";
import { lendKernel } from "../support/machines.ts";

const needs = ["userns", "subids", "overlay", "machines"] as const;
// a boot takes its time where it is emulated, and root's machines differ in nothing that these look at
const once = [...needs, "user"] as const;

/** What tells a machine from others, and one boot of it from the next; fails on a clock that is wrong. */
async function identityOf(drey: Drey): Promise<Record<"boot" | "board" | "random" | "nic", string>> {
  const files = "/proc/sys/kernel/random/boot_id /sys/class/dmi/id/product_uuid /sys/class/net/eth0/address";
  const script = `cat ${files} /proc/sys/kernel/random/uuid; date +%s`;
  const since = Math.floor(Date.now() / 1000);
  const said = await drey`exec v1 -- ${["sh", "-c", script]}`;
  const [boot = "", board = "", nic = "", random = "", time = ""] = said.trim().split("\n");
  assert(Number(time) >= since - 2 && Number(time) <= Date.now() / 1000 + 2, `${time} is not ${since}`);
  const [{ config }] = JSON.parse(await drey`list v1 --format json`);
  assertEquals([board, nic], [config["volatile.uuid"], config["volatile.eth0.hwaddr"]]);
  return { boot, board, random, nic };
}

/** `bytes` that the agent has read since it began: a command is its child. */
const readByAgent = async (drey: Drey): Promise<number> =>
  Number(await drey`exec v1 -- ${["sh", "-c", "read name bytes </proc/$PPID/io; echo $bytes"]}`);

/** Trees go by the root that is shared, and by the agent where the guest has something else. */
async function checkTrees(drey: Drey): Promise<void> {
  const tree = join(drey.directory, "tree");
  await Deno.mkdir(join(tree, "below"), { recursive: true });
  await Deno.writeTextFile(join(tree, "below", "small"), "as it was\n");
  await Deno.writeFile(join(tree, "large"), new Uint8Array(4 << 20).fill(7));
  const before = await readByAgent(drey);
  await drey`file push -r ${tree} v1/root/`;
  assert(await readByAgent(drey) < before + (1 << 20), "the tree went through the guest");
  assertEquals(await drey`exec v1 -- stat -c %s /root/tree/large`, `${4 << 20}\n`);
  // over what is there, which the guest may know by heart
  await Deno.writeTextFile(join(tree, "below", "small"), "as it is\n");
  await drey`file push -r ${tree} v1/root/`;
  assertEquals(await drey`exec v1 -- cat /root/tree/below/small`, "as it is\n");
  await drey`file push -r ${tree} v1/mnt/`;
  assertEquals(await drey`exec v1 -- cat /mnt/tree/below/small`, "as it is\n");

  await drey`exec v1 -- ${["sh", "-c", "echo here >/root/tree/made"]}`;
  const back = join(drey.directory, "back");
  await drey`file pull -r v1/root/tree ${back}`;
  assertEquals(await Deno.readTextFile(join(back, "made")), "here\n");
  await drey`exec v1 -- ${[
    "sh",
    "-c",
    "mount -t tmpfs none /root/tree/below && echo there >/root/tree/below/small",
  ]}`;
  await drey`file pull -r v1/root/tree ${back}-with-mounts`;
  assertEquals(await Deno.readTextFile(join(`${back}-with-mounts`, "below", "small")), "there\n");
  await drey`exec v1 -- umount /root/tree/below`;
}

await e2e("a virtual machine runs commands on a kernel of its own", { needs }, async (drey) => {
  await lendKernel(drey);
  await drey`launch tiny v1 --vm`;
  const own = (await Deno.readTextFile("/proc/sys/kernel/osrelease")).trim();
  const kernel = (await drey`exec v1 -- uname -r`).trim();
  assertMatch(kernel, /^\d+\.\d+/);
  assert(kernel !== own, "the machine runs the host's kernel");
  assertMatch(await drey`exec v1 -- ls /lib/modules/${kernel}`, /^kernel$/m);
  assertEquals(await drey`exec v1 -- cat /proc/1/comm`, "init\n");
  assertEquals((await drey`exec v1 -- hostname`).trim(), "v1");

  const failed = await drey.tries`exec v1 -- ${["sh", "-c", "echo out; echo err >&2; exit 7"]}`;
  assertEquals([failed.code, failed.stdout, failed.stderr], [7, "out\n", "err\n"]);
  const fed = await drey.run(["exec", "v1", "--", "tr", "a-z", "A-Z"], { stdin: "through the agent\n" });
  assertEquals(fed.stdout, "THROUGH THE AGENT\n");
  const words = ["sh", "-c", 'echo "$FOO $(id -u):$(id -g) $PWD"'];
  const asked = await drey`exec v1 --env FOO=bar --user 1000 --group 1000 --cwd /etc -- ${words}`;
  assertEquals(asked, "bar 1000:1000 /etc\n");
  assertEquals((await drey.tries`exec v1 -- nowhere`).code, 127);

  const ask = ["perl", "-e", snippets.askGuest];
  assertMatch(await drey`exec v1 -- ${ask} GET /1.0`, /"instance_type":"virtual-machine"/);
  const asking = [1, 2, 3, 4].map(() => drey`exec v1 -- ${ask} GET /1.0/devices`);
  for (const said of await Promise.all(asking)) assertMatch(said, /"path":"\/"/);
  assertEquals((await drey.tries`exec v1 --user 1000 -- ${ask} GET /1.0`).code, 13);

  const [listed] = JSON.parse(await drey`list --format json`);
  assertEquals([listed.type, listed.status], ["virtual-machine", "Running"]);
  await drey`stop v1`;
  assertEquals(JSON.parse(await drey`list --format json`)[0].status, "Stopped");
  await drey`delete v1`;
});

await e2e(
  "several commands at once do not disturb each other in a virtual machine, which may start itself anew",
  { needs: once },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny v1 --vm`;
    const counts = [1, 2, 3, 4].map((n) => 50_000 * n);
    const ends = await Promise.all(counts.map((n) => drey`exec v1 -- seq ${n}`));
    assertEquals(ends.map((text) => text.trimEnd().split("\n").length), counts);
    const before = (await drey`exec v1 -- cat /proc/sys/kernel/random/boot_id`).trim();
    await drey.tries`exec v1 -- ${["sh", "-c", "echo b >/proc/sysrq-trigger"]}`;
    await eventually("it is started anew", async () => {
      const after = (await drey.tries`exec v1 -- cat /proc/sys/kernel/random/boot_id`).stdout.trim() ||
        before;
      return after !== before;
    });
    // a root that is shared cannot be saved
    await drey`config set v1 migration.stateful=true`;
    const saving = await drey.tries`stop v1 --stateful`;
    assertMatch(saving.stderr, /shared with the host[\s\S]*drey publish v1/);
  },
);

await e2e(
  "what is written in a virtual machine stays, and files go in and out",
  { needs: once },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny v1 --vm`;
    await drey.run(["file", "push", "-", "v1/root/kept"], { stdin: "pushed\n" });
    assertEquals(await drey`exec v1 -- cat /root/kept`, "pushed\n");
    // memory of the guest's own, which no mount of the host's shows
    await drey`exec v1 -- ${["sh", "-c", "mount -t tmpfs none /mnt && echo inside >/mnt/file"]}`;
    assertEquals(await drey`file pull v1/mnt/file -`, "inside\n");
    await drey`exec v1 -- chown 1000:1000 /root/kept`;
    await checkTrees(drey);
    const before = await identityOf(drey);
    await drey`stop --force v1`;
    // of a machine that is stopped the root is looked into like a container's
    assertEquals(await drey`file pull v1/root/kept -`, "pushed\n");
    await drey`start v1`;
    assertEquals(await drey`exec v1 -- stat -c %u:%g /root/kept`, "1000:1000\n");
    // both have begun from the same memory, in which there was nothing of them
    const plan: { kind: string }[] = JSON.parse(await drey`image prune --plan --format json`);
    assert(plan.some(({ kind }) => kind === "memory"));
    const after = await identityOf(drey);
    assertEquals([after.board, after.nic], [before.board, before.nic]);
    assert(after.boot !== before.boot && after.random !== before.random);
  },
);
