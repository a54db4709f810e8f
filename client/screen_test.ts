import { assertEquals, assertRejects } from "@std/testing";
import type { Message, Socket } from "../wire/socket.ts";
import type { Client } from "./client.ts";
import { leadToScreen, listenPrivately } from "./screen.ts";

/** A stream that says one thing when it is asked to, takes nothing, and ends when it is closed. */
function speaker(word: Uint8Array): Socket & { speak(): void } {
  const { promise: spoken, resolve: speak } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  async function* messages(): AsyncGenerator<Message> {
    await Promise.race([spoken, closed]);
    yield word;
    await closed;
  }
  return { send: () => closed, messages: messages(), close: () => close(), closed, speak };
}

Deno.test("a viewer that goes away while the screen speaks ends its own connection and nothing else", async () => {
  await using socket = await listenPrivately();
  const control = speaker(new Uint8Array(0));
  // more than a connection takes, so that it is still being written when the viewer goes
  const screen = speaker(new Uint8Array(1 << 22));
  const opened = [control, screen];
  const client = {
    start: () =>
      Promise.resolve({
        operation: { id: "1", metadata: { fds: { control: "a", 0: "b" } } },
        wait: () => control.closed,
      }),
    socket: () => Promise.resolve(opened.shift()),
  } as unknown as Client;
  const detach = new AbortController();
  const led = leadToScreen(client, { name: "v1", listener: socket.listener, detach: detach.signal });
  const viewer = await Deno.connect({ transport: "unix", path: socket.path });
  await viewer.write(new Uint8Array(4));
  screen.speak();
  assertEquals(await viewer.read(new Uint8Array(4)), 4);
  viewer.close();
  await screen.closed;
  detach.abort();
  await led;
});

Deno.test("a screen whose machine fails takes no viewer any more", async () => {
  await using socket = await listenPrivately();
  const control = speaker(new Uint8Array(0));
  const client = {
    start: () =>
      Promise.resolve({
        operation: { id: "1", metadata: { fds: { control: "a", 0: "b" } } },
        wait: () => Promise.reject(new Error("the machine is gone")),
      }),
    socket: () => Promise.resolve(control),
  } as unknown as Client;
  const { signal: detach } = new AbortController();
  const led = leadToScreen(client, { name: "v1", listener: socket.listener, detach });
  await assertRejects(() => led, Error, "the machine is gone");
  await assertRejects(
    () => Deno.connect({ transport: "unix", path: socket.path }),
    Deno.errors.NotFound,
  );
});
