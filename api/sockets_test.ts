import { assertEquals, assertRejects } from "@std/testing";
import { socketPair } from "./sockets.ts";

Deno.test("socketPair() carries messages both ways, in order, as they were", async () => {
  const [a, b] = socketPair();
  const buffer = new Uint8Array([1, 2]);
  await a.send("one");
  await a.send(buffer);
  buffer.fill(9);
  await a.send("");
  await b.send("back");
  a.close();
  assertEquals(await Array.fromAsync(b.messages), ["one", new Uint8Array([1, 2]), ""]);
  assertEquals(await Array.fromAsync(a.messages), ["back"]);
  await Promise.all([a.closed, b.closed]);
  await assertRejects(() => b.send("late"), Deno.errors.BrokenPipe);
});

Deno.test("send() waits for a reader that is behind, and no longer once it has gone", async () => {
  const [a, b] = socketPair();
  let sent = 0;
  const writing = (async () => {
    for (; sent < 100; sent++) await a.send(new Uint8Array(64 * 1024));
  })();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(sent < 10, true);
  let read = 0;
  for await (const _ of b.messages) if (++read === 50) break;
  b.close();
  await assertRejects(() => writing, Deno.errors.BrokenPipe);
});
