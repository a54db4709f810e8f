// What a killed drey leaves of root's networks on the host: the next command takes it away.

import { assertEquals } from "@std/testing";
import { exists } from "../../sys/present.ts";
import { e2e } from "../support/drey.ts";
import { findLeftovers, nothingLeft } from "../support/leftovers.ts";

const needs = ["subids", "network", "root"] as const;

await e2e("a network nobody needs any more ends with the next command", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  // what a kill leaves that comes between the record of the card and the end of the hub
  for (const { name } of Deno.readDirSync(`${drey.directory}/run/nics`)) {
    await Deno.remove(`${drey.directory}/run/nics/${name}`);
  }
  await drey`list`;
  assertEquals(exists(`${drey.directory}/run/network`), false);
  await drey`delete -f c1`;
  assertEquals(await findLeftovers(drey.directory), nothingLeft);
});

await e2e("a hub that was killed before it said what is up leaves nothing", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await Deno.remove(`${drey.directory}/run/network/up.json`);
  await drey`delete -f c1`;
  assertEquals(await findLeftovers(drey.directory), nothingLeft);
});
