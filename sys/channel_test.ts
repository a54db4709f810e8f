import { assertEquals, assertRejects } from "@std/testing";
import { Channel } from "./channel.ts";

Deno.test("a channel hands on what it is given, in its order, and ends", async () => {
  const channel = new Channel<number>(2);
  const giving = (async () => {
    for (const item of [1, 2, 3, 4, 5]) assertEquals(await channel.push(item), true);
    channel.close();
  })();
  assertEquals(await Array.fromAsync(channel), [1, 2, 3, 4, 5]);
  await giving;
});

Deno.test("a channel lets nobody get further ahead than its room", async () => {
  const channel = new Channel<number>(2);
  let given = 0;
  const giving = (async () => {
    for (const item of [1, 2, 3, 4]) {
      await channel.push(item);
      given = item;
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(given, 2);
  channel.leave();
  await giving;
});

Deno.test("who gives learns that nobody takes any more", async () => {
  const channel = new Channel<number>(1);
  for await (const item of channelWith(channel, 1)) {
    assertEquals(item, 1);
    break;
  }
  assertEquals(await channel.push(2), false);
});

Deno.test("who takes meets the failure of the other side before what was still waiting", async () => {
  const channel = new Channel<number>(4);
  await channel.push(1);
  channel.fail(new Error("cut"));
  await assertRejects(() => Array.fromAsync(channel), Error, "cut");
});

function channelWith(channel: Channel<number>, item: number): Channel<number> {
  channel.push(item);
  return channel;
}
