// What other servers of DNS are told when they fetch a network zone: its start of authority, or all of it.

import { Buffer } from "node:buffer";
// @ts-types="./dns_packet.d.ts"
import packets, { type Answer, type Packet } from "dns-packet";
import { parseDnsValue } from "../config/dns_records.ts";
import type { ZoneContent } from "../domain/networks/zone_content.ts";

/** The zone of a name as a peer may fetch it; undefined if there is none for it. */
export type FindZone = (name: string) => Promise<ZoneContent | undefined>;

const refused = 5;
const malformed = 1;
/** records in one message, far below the 64 kB one may have */
const portion = 100;

/** The messages that answer one; several for a zone that is large. Only a stream can carry a zone. */
export async function answerDns(
  message: Uint8Array,
  { find, isStream, now }: { find: FindZone; isStream: boolean; now: Date },
): Promise<Uint8Array[]> {
  const query = decode(message);
  if (query === undefined || query.type !== "query") return [];
  const [question] = query.questions;
  const reply = (code: number, answers: Answer[] = []) =>
    packets.encode({
      type: "response",
      id: query.id,
      flags: code === 0 ? packets.AUTHORITATIVE_ANSWER : code,
      questions: query.questions,
      answers,
    });
  if (question === undefined) return [reply(malformed)];
  const isWhole = ["AXFR", "IXFR"].includes(question.type) && isStream;
  const zone = isWhole || question.type === "SOA" ? await find(question.name.replace(/\.$/, "")) : undefined;
  if (zone === undefined) return [reply(refused)];
  const start = authority(zone, now);
  if (!isWhole) return [reply(0, [start])];
  const all = [start, ...records(zone), start];
  return Array.from(
    { length: Math.ceil(all.length / portion) },
    (_, index) => reply(0, all.slice(index * portion, (index + 1) * portion)),
  );
}

function decode(message: Uint8Array): Packet | undefined {
  try {
    return packets.decode(Buffer.from(message));
  } catch (error) {
    // what somebody sends need not be a message: the package finds no end, or a kind it does not know
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function authority({ name, nameservers: [primary = name] }: ZoneContent, now: Date): Answer {
  const serial = Math.floor(now.getTime() / 1000);
  const data = {
    mname: primary,
    rname: `hostmaster.${name}`,
    serial,
    refresh: 120,
    retry: 60,
    expire: 86_400,
  };
  return { name, type: "SOA", ttl: 3600, data: { ...data, minimum: 30 } };
}

function records({ name: zone, nameservers, entries }: ZoneContent): Answer[] {
  return [
    ...nameservers.map((data): Answer => ({ name: zone, type: "NS", ttl: 300, data })),
    ...entries.flatMap(({ name, type, ttl, value }): Answer[] => {
      const parsed = parseDnsValue(type, value);
      return parsed === undefined
        ? []
        : [{ name: name === "@" ? zone : `${name}.${zone}`, type, ttl, data: parsed.data }];
    }),
  ];
}
