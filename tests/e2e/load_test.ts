// Load: many requests and many commands at once, none of which fails, and memory that stays where it was.

import { assert, assertEquals } from "@std/testing";
import { createClient } from "../../client/client.ts";
import { overUnixSocket } from "../../client/unix.ts";
import { measureLoad } from "../bench/load.ts";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;
const count = 100;

await e2e("a server bears what many ask of it at once", { needs }, async (drey) => {
  await using server = await serve(drey);
  await drey`launch tiny c0`;
  {
    await using client = createClient(overUnixSocket(server.socket));
    for (let at = 1; at < count; at++) {
      const body = { name: `c${at}`, source: { type: "image", alias: "tiny" } } as const;
      await (await client.start("instances.create", { body })).wait();
    }
  }
  const figures = await measureLoad({ socket: server.socket, pid: server.pid, exec: "c0" });
  console.log(JSON.stringify(figures));
  assertEquals(figures.instances, count);
  assertEquals(figures.wide.errors, []);
  assertEquals(figures.exec?.failures, []);
  // the collector lets the first thousands take their room, and no more from then on
  assert(figures.memory.last <= figures.memory.middle + 32, JSON.stringify(figures));
});
