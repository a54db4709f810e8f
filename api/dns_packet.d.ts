// The part of npm's `dns-packet` that drey uses; the package ships no types.

export interface Question {
  name: string;
  type: string;
}
export interface Answer {
  name: string;
  type: string;
  ttl: number;
  data: unknown;
}
export interface Packet {
  type: "query" | "response";
  id: number;
  /** the low four bits are the code of a response */
  flags: number;
  questions: Question[];
  answers?: Answer[];
}
interface DnsPacket {
  decode(message: Uint8Array): Packet;
  encode(packet: Packet): Uint8Array;
  readonly AUTHORITATIVE_ANSWER: number;
}
declare const packets: DnsPacket;
export default packets;
