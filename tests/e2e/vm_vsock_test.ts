// Virtual machines whose agent is reached over vsock, where the host's kernel has that.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { readIfThere } from "../../sys/present.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { lendKernel } from "../support/machines.ts";

const needs = ["userns", "subids", "overlay", "machines", "vsock", "user"] as const;

/** The keeper of a machine says in its title where it hears the agent. */
async function isByVsock(drey: Drey, name: string): Promise<boolean> {
  const [{ state: { pid } }] = JSON.parse(await drey`list ${name} --format json`);
  return (readIfThere(`/proc/${pid}/cmdline`) ?? "").includes("by vsock");
}

await e2e(
  "the agent of a virtual machine is reached over vsock, and another after it",
  { needs },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny v1 --vm -c limits.memory=256MiB`;
    const cid = (await drey`config get v1 volatile.vsock_id`).trim();
    assert(Number(cid) > 2, cid);
    // whatever is under way as it moves arrives whole, both ways
    const bytes = 3_000_000;
    const count = ["sh", "-c", `head -c ${bytes} /dev/zero`];
    assertEquals((await drey`exec v1 -- ${count}`).length, bytes);
    await eventually("it is by vsock", () => isByVsock(drey, "v1"));
    assertEquals((await drey`exec v1 -- ${count}`).length, bytes);
    assertMatch((await drey.tries`exec v1 -- ${["sh", "-c", "echo no >&2; exit 3"]}`).stderr, /no/);

    // the number is its own as long as it runs
    await drey`init tiny v2 --vm -c limits.memory=256MiB`;
    await drey`config set v2 volatile.vsock_id=${cid}`;
    await drey`start v2`;
    assert(await drey`config get v2 volatile.vsock_id` !== `${cid}\n`);
    assertEquals(await drey`exec v2 -- hostname`, "v2\n");
    await drey`delete --force v2`;

    const agent =
      "for p in /proc/[0-9]*; do read -r n <$p/cmdline; case $n in *'drey: agent 'o[f]*) echo ${p#/proc/};; esac; done";
    const pids = (await drey`exec v1 -- ${["sh", "-c", agent]}`).trim().split("\n");
    const cut = await drey.tries`exec v1 -- ${["sh", "-c", `kill -9 ${pids.at(-1)}; sleep 1000`]}`;
    assertEquals(cut.code, 125);
    assertEquals(await drey`exec v1 -- echo again`, "again\n");
    await eventually("it is by vsock again", () => isByVsock(drey, "v1"));
    await drey`restart v1 --force`;
    assertEquals(await drey`exec v1 -- hostname`, "v1\n");
    assertEquals(await drey`config get v1 volatile.vsock_id`, `${cid}\n`);
  },
);
