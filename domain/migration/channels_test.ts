import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { assertRejects } from "@std/testing";
import { makeCertificate } from "../../auth/tls.ts";
import { meet } from "./channels.ts";

Deno.test("meet() waits no longer than its signal allows for a server that says nothing", async () => {
  const { certificate, key } = await makeCertificate({ commonName: "mute", use: "server" });
  const stop = new AbortController();
  const server = createServer({ cert: certificate, key }, (connection) => {
    connection.on("error", () => {});
    // the request has come: from now on there is an answer to wait for
    connection.once("data", () => stop.abort(new Error("cancelled")));
    // where nobody gives it up, it ends by itself
    const late = setTimeout(() => connection.destroy(), 2_000);
    connection.once("close", () => clearTimeout(late));
  });
  const { promise: isListening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await isListening;
  try {
    const operation = `https://127.0.0.1:${(server.address() as AddressInfo).port}/1.0/operations/1`;
    const secrets = { control: "a", fs: "b" };
    await assertRejects(() => meet({ operation, certificate, secrets }, stop.signal), Error, "cancelled");
  } finally {
    const { promise: isClosed, resolve: closed } = Promise.withResolvers<void>();
    server.close(() => closed());
    await isClosed;
  }
});
