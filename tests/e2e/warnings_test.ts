// Warnings: what the host lacks is listed, acknowledged and deleted, by drey and by LXD's own client.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

interface Warning {
  uuid: string;
  type: string;
  status: string;
  last_message: string;
}

const listed = async (drey: Drey, flags: string[] = []): Promise<Warning[]> =>
  JSON.parse(await drey`warning list ${flags} --format json`);

/** What drey doctor says. */
async function rows(drey: Drey): Promise<{ name: string; status: string }[]> {
  return JSON.parse(await drey`doctor --format json`);
}

await e2e("what doctor finds missing is a warning, until it is acknowledged", { needs: [] }, async (drey) => {
  const missing = (await rows(drey)).filter(({ status }) => status !== "ok").map(({ name }) => name)
    .toSorted();
  const warnings = await listed(drey);
  assertEquals(warnings.map(({ type }) => type.split(": ")[1]).toSorted(), missing);
  const [first, ...others] = warnings;
  if (first === undefined) return;
  assertMatch(await drey`warning show ${first.uuid}`, /severity: (low|high)/);
  await drey`warning acknowledge ${first.uuid}`;
  assertEquals((await listed(drey)).map(({ uuid }) => uuid), others.map(({ uuid }) => uuid));
  assertEquals((await listed(drey, ["--all"])).length, warnings.length);
  assertEquals((await drey.tries`warning delete`).code, 1);
  await drey`warning delete ${first.uuid}`;
  assertEquals((await listed(drey, ["--all"])).length, others.length);
  await drey`warning delete --all`;
  assertEquals(await listed(drey, ["--all"]), []);
});

await e2e("LXD's own client lists and acknowledges warnings", { needs: ["lxc"] }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  const warnings: Warning[] = JSON.parse(await lxc("warning", "list", "--format", "json"));
  const [first] = warnings;
  if (first === undefined) return;
  assertMatch(await lxc("warning", "list"), /Host lacks a prerequisite/);
  assertMatch(await lxc("warning", "show", first.uuid), /status: new/);
  await lxc("warning", "acknowledge", first.uuid);
  assertMatch(await lxc("warning", "list", "--all"), /ACKNOWLEDGED/);
  assert(!(await lxc("warning", "list")).includes(first.uuid));
  await lxc("warning", "delete", first.uuid);
  const left: Warning[] = JSON.parse(await lxc("warning", "list", "--all", "--format", "json"));
  assertEquals(left.length, warnings.length - 1);
});
