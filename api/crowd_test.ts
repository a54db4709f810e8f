import { assertEquals } from "@std/testing";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { limitCrowd } from "./crowd.ts";

Deno.test("connections beyond the limit are closed at once, and one that ends makes room", async () => {
  const server = createServer((_request, answer) => answer.end("yes"));
  limitCrowd(server, { most: 2 });
  const path = `${await Deno.makeTempDir()}/socket`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const ended = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve).resume());
  const open = async () => {
    const socket = connect(path);
    socket.on("error", () => {}); // "close" follows
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  };
  const asks = (socket: Socket) =>
    new Promise<string>((resolve) => {
      socket.once("data", (bytes) => resolve(new TextDecoder().decode(bytes).slice(0, 12)));
      socket.once("close", () => resolve("closed"));
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    });
  const [one, two] = [await open(), await open()];
  assertEquals(await asks(one), "HTTP/1.1 200");
  assertEquals(await asks(two), "HTTP/1.1 200");
  const three = await open();
  await ended(three);
  one.destroy();
  let answer = "closed";
  while (answer === "closed") {
    const next = await open();
    answer = await asks(next);
    next.destroy();
  }
  assertEquals(answer, "HTTP/1.1 200");
  two.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("all listeners together hold so many connections", async () => {
  const open = async () => {
    const server = createServer();
    limitCrowd(server, { all: 1 });
    const path = `${await Deno.makeTempDir()}/socket`;
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = connect(path);
    const closed = new Promise<boolean>((resolve) => client.once("close", () => resolve(true)).resume());
    await new Promise((resolve) => client.once("connect", resolve));
    return { server, client, closed };
  };
  const [first, second] = [await open(), await open()];
  assertEquals(await second.closed, true);
  assertEquals(first.client.destroyed, false);
  first.client.destroy();
  for (const { server } of [first, second]) await new Promise((resolve) => server.close(resolve));
});
