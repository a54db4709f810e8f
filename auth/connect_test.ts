import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { assertRejects } from "@std/testing";
import { createServer } from "node:tls";
import { eventually } from "../tests/support/eventually.ts";
import { connectTo } from "./connect.ts";
import { makeCertificate } from "./tls.ts";

Deno.test("the kernel asks whether a server that says nothing is there still", async () => {
  const { certificate, key } = await makeCertificate({ commonName: "server", use: "server" });
  const server = createServer({ cert: certificate, key });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  const socket = await connectTo({ address: `https://127.0.0.1:${port}`, certificate });
  try {
    const [own, its] = [hexadecimal(socket.localPort ?? 0), hexadecimal(port)];
    // 02 is the timer of keepalive, which begins once all is acknowledged; Documentation/networking/proc_net_tcp.rst
    const row = new RegExp(String.raw`^ *\d+: [\dA-F]+:${own} [\dA-F]+:${its} 01 [\dA-F:]+ 02:`, "m");
    await eventually("the timer runs", async () => row.test(await Deno.readTextFile("/proc/net/tcp")));
  } finally {
    socket.destroy();
    server.close();
  }
});

Deno.test("a connection that a server does not take is given up with its signal", async () => {
  const server = createTcpServer();
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  const giveUp = new AbortController();
  const arrived = Promise.withResolvers<Socket>();
  server.once("connection", arrived.resolve);
  const connecting = connectTo({ address: `https://127.0.0.1:${port}` }, giveUp.signal);
  const connection = await arrived.promise;
  const ended = Promise.withResolvers<void>();
  connection.once("close", () => ended.resolve()).on("error", () => {}).resume();
  giveUp.abort(new Error("not wanted any more"));
  await assertRejects(() => connecting, Error, "not wanted any more");
  await ended.promise;
  server.close();
});

const hexadecimal = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
