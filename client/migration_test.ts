import { assertEquals, assertRejects } from "@std/testing";
import { socketPair } from "../api/sockets.ts";
import type { Socket } from "../wire/socket.ts";
import type { Client } from "./client.ts";
import { migrate, type MigrationEnd } from "./migration.ts";
import type { RunningOperation } from "./operations.ts";

Deno.test("a relay that cannot be joined leaves neither end waiting", async () => {
  const cancelled: string[] = [];
  const theirs: Socket[] = [];
  const waiting = (id: string): RunningOperation =>
    ({
      operation: { id, metadata: { control: "a", fs: "b" } },
      cancel: () => Promise.resolve(void cancelled.push(id)),
    }) as unknown as RunningOperation;
  const end = (socket: () => Promise<Socket>): MigrationEnd => ({
    client: { socket } as unknown as Client,
    addresses: [],
    certificate: "",
  });
  const opened = () => {
    const [ours, their] = socketPair();
    theirs.push(their);
    return Promise.resolve(ours);
  };
  const source = { ...end(opened), send: () => Promise.resolve(waiting("source")) };
  const target = {
    ...end(() => Promise.reject(new Error("the target is gone"))),
    receive: () => Promise.resolve(waiting("target")),
  };
  const wait = () => Promise.reject(new Error("not reached"));
  await assertRejects(() => migrate({ source, target, mode: "relay", wait }), Error, "the target is gone");
  assertEquals(cancelled.toSorted(), ["source", "target"]);
  await Promise.all(theirs.map(({ closed }) => closed));
});
