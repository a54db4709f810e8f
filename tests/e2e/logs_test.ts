// Log files of instances, and the output of commands that was recorded.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e("output of a command can be recorded, read and deleted", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const post = { command: ["sh", "-c", "echo out; echo err >&2; exit 3"], "record-output": true };
  await drey`query --request POST --wait --data ${JSON.stringify(post)} /1.0/instances/c1/exec`;
  const listed = JSON.parse(await drey`query /1.0/instances/c1/logs/exec-output`) as string[];
  const [stderr = "", stdout = ""] = listed;
  assertEquals(listed.length, 2);
  // whoever made the state directory may have left it open to others
  assertEquals((Deno.statSync(join(drey.directory, "logs")).mode ?? 0) & 0o777, 0o700);
  assertEquals([await drey`query ${stdout}`, await drey`query ${stderr}`], ["out\n", "err\n"]);
  await drey`query --request DELETE ${stdout}`;
  assertEquals(JSON.parse(await drey`query /1.0/instances/c1/logs/exec-output`), [stderr]);
  for (const name of ["..%2Fconsole.log", "%2Fetc%2Fpasswd", "exec_x.stdout"]) {
    assertEquals((await drey.tries`query /1.0/instances/c1/logs/exec-output/${name}`).code, 1, name);
    assertEquals((await drey.tries`query /1.0/instances/c1/logs/${name}`).code, 1, name);
  }
});

await e2e("lxc shows the log of an instance", { needs: [...needs, "lxc"] }, async (drey) => {
  await drey`launch tiny c1`;
  await using server = await serve(drey);
  assertMatch(await server.lxc("info", "c1", "--show-log"), /tiny init started/);
});

await e2e("a log is followed as it grows, until the instance has stopped", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const followers = [drey.spawn(["logs", "c1", "--follow"], { stdout: "piped" })];
  await using _server = await serve(drey);
  followers.push(drey.spawn(["logs", "c1", "--follow", "--tail", "0"], { stdout: "piped" }));
  const heard = followers.map(() => "");
  const reading = followers.map(async (child, at) => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) heard[at] += text;
  });
  const say = (text: string) => drey`exec c1 -- sh -c ${`echo ${text} >/dev/console`}`;
  await eventually("both listen", async () => {
    await say("a line");
    return heard.every((text) => text.includes("a line"));
  });
  await say("the last");
  await eventually("both hear all", () => heard.every((text) => text.includes("the last\r\n")));
  await drey`stop --force c1`;
  assertEquals(await Promise.all(followers.map(async (child) => (await child.status).code)), [0, 0]);
  await Promise.all(reading);
  assertMatch(heard[0] ?? "", /tiny init started[^]*a line\r\nthe last\r\n/);
  assertMatch(heard[1] ?? "", /a line\r\nthe last\r\n/);
});
