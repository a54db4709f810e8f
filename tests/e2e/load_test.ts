// Load: many requests and many commands at once, none of which fails, and memory that stays where it was.

import { assert, assertEquals } from "@std/testing";
import { measureLoad } from "../bench/load.ts";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;
const count = 100;

await e2e("a server bears what many ask of it at once", { needs }, async (drey) => {
  await using server = await serve(drey);
  const names = Array.from({ length: count }, (_, at) => `c${at}`);
  await drey`launch tiny c0`;
  for (const name of names.slice(1)) {
    const source = { type: "image", alias: "tiny" };
    await drey`query -X POST --wait -d ${JSON.stringify({ name, source })} /1.0/instances`;
  }
  const figures = await measureLoad({ socket: server.socket, pid: server.pid, exec: "c0" });
  console.log(JSON.stringify(figures));
  assertEquals(figures.instances, count);
  assertEquals(figures.wide.errors, 0);
  assertEquals(figures.exec?.failed, 0);
  // the collector's slack is no leak
  assert(figures.memory.last <= figures.memory.first + 48, JSON.stringify(figures));
});
