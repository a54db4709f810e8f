import { Buffer } from "node:buffer";
import { assertEquals } from "@std/testing";
// @ts-types="./dns_packet.d.ts"
import packets from "dns-packet";
import { createZone } from "../domain/network_zones.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import { freePort } from "../tests/support/server.ts";
import { openDnsServer } from "./dns_server.ts";

/** A question as it goes over a stream. */
function question(id: number): Uint8Array<ArrayBuffer> {
  const questions = [{ name: "lab.example", type: "SOA" as const }];
  const message = packets.encode({ type: "query", id, flags: 0, questions, answers: [] });
  return Uint8Array.from([message.length >> 8, message.length & 0xff, ...message]);
}

Deno.test("a peer that says it asks no more is answered all it has asked", async () => {
  await using context = await temporaryContext();
  const config = { "peers.me.address": "127.0.0.1" };
  await createZone(context, "default", { name: "lab.example", config });
  using server = openDnsServer(context);
  const port = freePort();
  await server.follow({ "core.dns_address": `127.0.0.1:${port}` });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(Uint8Array.from([...question(1), ...question(2)]));
  await connection.closeWrite();
  const said = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  const ids: number[] = [];
  for (let at = 0; at < said.length; at += 2 + (said[at]! << 8 | said[at + 1]!)) {
    const message = packets.decode(Buffer.from(said.subarray(at + 2)));
    ids.push(message.id);
    assertEquals(message.answers?.map(({ type }) => type), ["SOA"]);
  }
  assertEquals(ids, [1, 2]);
});
