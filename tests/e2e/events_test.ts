// Events: all of them, in their order, whichever process they happen in.

import { eventually } from "../support/eventually.ts";
import { assertEquals, assertMatch } from "@std/testing";
import { createClient } from "../../client/client.ts";
import { overUnixSocket } from "../../client/unix.ts";
import type { Event } from "../../wire/event.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { listen } from "../support/listener.ts";
import { serve } from "../support/server.ts";

const sourceOf = (event: Event) => event.type === "lifecycle" ? event.metadata.source : "";

await e2e("a thousand events arrive in their order", { needs: [], images: [] }, async (drey) => {
  await using server = await serve(drey);
  await using listener = await listen(server.socket, "type=lifecycle");
  await using client = createClient(overUnixSocket(server.socket));
  const names = Array.from({ length: 1000 }, (_, at) => `p${at}`);
  for (const name of names) await client.call("profiles.create", { body: { name } });
  await listener.until(names.length);
  assertEquals(listener.heard.map(sourceOf), names.map((name) => `/1.0/profiles/${name}`));
});

await e2e("a listener hears what other processes do", { needs: [], images: [] }, async (drey) => {
  await using server = await serve(drey);
  await using listener = await listen(server.socket, "type=lifecycle");
  const names = Array.from({ length: 6 }, (_, at) => `p${at}`);
  for (const [at, name] of names.entries()) {
    await drey`profile create ${name} ${at % 2 === 0 ? ["--force-local"] : []}`;
  }
  await Promise.all(["q0", "q1", "q2"].map((name) => drey`profile create ${name} --force-local`));
  await listener.until(9);
  const heard = listener.heard.map(sourceOf).map((source) => source.split("/").at(-1));
  assertEquals(heard.slice(0, 6), names);
  assertEquals(heard.slice(6).toSorted(), ["q0", "q1", "q2"]);
});

await e2e("events of a project are for those who listen there", { needs: [], images: [] }, async (drey) => {
  await using server = await serve(drey);
  await drey`project create web`;
  await using here = await listen(server.socket, "type=lifecycle");
  await using there = await listen(server.socket, "type=lifecycle&project=web");
  await using everywhere = await listen(server.socket, "type=lifecycle&all-projects=true");
  await drey`profile create p1`;
  await drey`profile create p1 --project web`;
  await drey`project create other`;
  await everywhere.until(3);
  const seen = ({ heard }: { heard: Event[] }) => heard.map(sourceOf);
  assertEquals(seen(here), ["/1.0/profiles/p1"]);
  assertEquals(seen(there), ["/1.0/profiles/p1?project=web"]);
  assertEquals(seen(everywhere), [
    "/1.0/profiles/p1",
    "/1.0/profiles/p1?project=web",
    "/1.0/projects/other",
  ]);
});

await e2e("an instance that changes its project is told in both", {
  needs: ["userns", "subids", "overlay"],
}, async (drey) => {
  await using server = await serve(drey);
  await drey`project create web -c features.images=false -c features.profiles=false`;
  await drey`init tiny c1`;
  await drey`snapshot c1 s0`;
  await using here = await listen(server.socket, "type=lifecycle");
  await using there = await listen(server.socket, "type=lifecycle&project=web");
  await drey`move c1 --target-project web`;
  await drey`rename c1 c2 --project web`;
  await there.until(3);
  const told = ({ heard }: { heard: Event[] }) =>
    heard.map((event) => event.type === "lifecycle" ? event.metadata.action : event.type);
  assertEquals(told(here), ["instance-snapshot-deleted", "instance-deleted"]);
  assertEquals(told(there), ["instance-created", "instance-snapshot-created", "instance-renamed"]);
  await drey`delete c2 --project web`;
});

await e2e(
  "monitor --pretty tells each event in a line, as lxc does on a terminal",
  { needs: ["lxc"] },
  async (drey) => {
    await using server = await serve(drey);
    const env = { ...Deno.env.toObject(), LXD_SOCKET: server.socket, HOME: drey.directory, TERM: "xterm" };
    const args = ["-qc", "lxc monitor --pretty", "/dev/null"];
    const theirs = await monitored(
      drey,
      () => new Deno.Command("script", { args, env, stdin: "null", stdout: "piped" }).spawn(),
    );
    const ours = await monitored(drey, () => drey.spawn(["monitor", "--pretty"], { stdout: "piped" }));
    assertEquals(masked(ours), masked(theirs));
    assertMatch(
      ours,
      /^INFO {3}\[\S+Z\] Action: profile-created, Source: \/1.0\/profiles\/p1, Requestor: unix\/\S+ \(@\)$/m,
    );
  },
);

/** What a monitor prints while a profile comes and goes. */
async function monitored(drey: Drey, start: () => Deno.ChildProcess): Promise<string> {
  const child = start();
  let output = "";
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) output += chunk;
  })();
  let probes = 0;
  await eventually("it listens", async () => {
    await drey`profile create ${`probe${++probes}`}`;
    return output !== "";
  });
  for (let probe = 1; probe <= probes; probe++) await drey`profile delete ${`probe${probe}`}`;
  await drey`profile create p1`;
  await drey`profile rename p1 p2`;
  await drey`profile delete p2`;
  await drey`image delete tiny`;
  await drey`image import ${await imageFiles("tiny")} --alias tiny`;
  await drey`profile create last`;
  await eventually("it has heard all", () => output.includes("/1.0/profiles/last"));
  await drey`profile delete last`;
  child.kill("SIGTERM");
  await child.status;
  await reading;
  // when it began to listen is nobody's affair
  return output.split("\n").filter((line) => !/profiles\/(probe|last)/.test(line)).join("\n");
}

/** Lines without what differs from run to run, in the order of the alphabet: lxc prints some events at once. */
function masked(text: string): string[] {
  // deno-lint-ignore no-control-regex -- colours are what is taken away
  const plain = text.replace(/\x1b\[\d+m/g, "").replace(/\d{4}-\d\d-\d\d[T ][0-9:.]+/g, "TIME");
  return plain.replace(/[0-9a-f-]{36}/g, "ID").split("\n").map((line) => line.trim())
    .filter((line) => line.startsWith("INFO")).toSorted();
}
