// Lifecycle events tell what was done to an instance and who asked for it, across processes and doors.

import { eventually } from "../support/eventually.ts";
import { assertEquals } from "@std/testing";
import { kill } from "../../sys/run.ts";
import type { Event, Lifecycle } from "../../wire/event.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** Lifecycle events that happen while `act` runs, up to the one with this action. */
async function watch(drey: Drey, last: string, act: () => Promise<unknown>): Promise<Lifecycle[]> {
  const child = drey.spawn(["monitor", "--type", "lifecycle", "-f", "json"], { stdout: "piped" });
  const seen: Lifecycle[] = [];
  const reading = (async () => {
    const lines = child.stdout.pipeThrough(new TextDecoderStream());
    let text = "";
    for await (const chunk of lines) {
      text += chunk;
      const whole = text.split("\n");
      text = whole.pop() ?? "";
      seen.push(...whole.map((line) => (JSON.parse(line) as Event).metadata as Lifecycle));
      if (seen.some(({ action }) => action === last)) return;
    }
  })();
  let probes = 0;
  await eventually("it listens", async () => {
    await drey`profile create ${`probe${++probes}`}`;
    return seen.length > 0;
  });
  for (let probe = 1; probe <= probes; probe++) await drey`profile delete ${`probe${probe}`}`;
  await act();
  await reading;
  kill(child, "SIGTERM");
  await child.status;
  return seen;
}

await e2e("events tell of commands and files, and who asked", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const seen = await watch(drey, "instance-file-retrieved", async () => {
    await drey`exec c1 -- true`;
    await drey`file pull c1/etc/passwd -`;
  });
  const of = (action: string) => seen.find((event) => event.action === action);
  assertEquals(of("instance-exec")?.context, { command: ["true"] });
  assertEquals(of("instance-exec")?.source, "/1.0/instances/c1");
  assertEquals(of("instance-exec")?.requestor?.protocol, "in-process");
  assertEquals(of("instance-file-retrieved")?.context, { path: "/etc/passwd" });
});

await e2e("events of a server tell of its clients", { needs: [...needs, "lxc"] }, async (drey) => {
  await drey`launch tiny c1`;
  await using server = await serve(drey);
  const seen = await watch(drey, "instance-stopped", () => server.lxc("stop", "-f", "c1"));
  const { requestor } = seen.find(({ action }) => action === "instance-stopped") ?? {};
  assertEquals([requestor?.protocol, requestor?.address], ["unix", "@"]);
});
