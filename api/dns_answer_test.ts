import { assertEquals } from "@std/testing";
// @ts-types="./dns_packet.d.ts"
import packets from "dns-packet";
import { Buffer } from "node:buffer";
import type { ZoneContent } from "../domain/networks/zone_content.ts";
import { answerDns } from "./dns_answer.ts";

const many = Array.from({ length: 250 }, (_, index) => ({
  name: `c${index}`,
  type: "A",
  ttl: 300,
  value: `10.0.0.${index + 1}`,
}));
const zone: ZoneContent = { name: "lab.example", nameservers: [], peers: [], entries: many };
const options = {
  find: (name: string) => Promise.resolve(name === "lab.example" ? zone : undefined),
  now: new Date("2026-01-01"),
};
const ask = async (type: string, { name = "lab.example", isStream = true } = {}) => {
  const message = packets.encode({ type: "query", id: 7, flags: 0, questions: [{ name, type }] });
  const answers = await answerDns(Uint8Array.from(message), { ...options, isStream });
  return answers.map((answer) => packets.decode(Buffer.from(answer)));
};

Deno.test("answerDns() sends a large zone in several messages, between two starts of authority", async () => {
  const messages = await ask("AXFR");
  assertEquals(messages.map(({ answers }) => answers?.length), [100, 100, 52]);
  const all = messages.flatMap(({ answers = [] }) => answers);
  assertEquals([all[0]?.type, all[1]?.name, all.at(-1)?.type], ["SOA", "c0.lab.example", "SOA"]);
  assertEquals(messages.every(({ id }) => id === 7), true);
});

Deno.test("answerDns() refuses other zones, other questions, and zones in a datagram", async () => {
  const code = async (...asked: Parameters<typeof ask>) => ((await ask(...asked))[0]?.flags ?? 0) & 15;
  assertEquals(await code("AXFR", { name: "other.example" }), 5);
  assertEquals(await code("A"), 5);
  assertEquals(await code("AXFR", { isStream: false }), 5);
  assertEquals(await code("SOA", { isStream: false }), 0);
});

Deno.test("answerDns() says nothing to what is no message", async () => {
  for (const bytes of [[], [1], Array(12).fill(255), Array(40).fill(7)]) {
    const all = await answerDns(Uint8Array.from(bytes), { ...options, isStream: true });
    assertEquals(all.every((message) => packets.decode(Buffer.from(message)).answers?.length === 0), true);
  }
});
