// Records of DNS as people write them: `10 mail.example.org.` of type MX, read into their parts.

import { parseAddress } from "./address.ts";
import { domainName } from "./network_types.ts";

/** A record's value in its parts, by type. */
export type DnsData =
  | { type: "A" | "AAAA"; data: string }
  | { type: "CNAME" | "NS" | "PTR"; data: string }
  | { type: "TXT"; data: string[] }
  | { type: "MX"; data: { preference: number; exchange: string } }
  | { type: "SRV"; data: { priority: number; weight: number; port: number; target: string } }
  | { type: "CAA"; data: { flags: number; tag: string; value: string } };

export const dnsTypes = ["A", "AAAA", "CNAME", "NS", "PTR", "TXT", "MX", "SRV", "CAA"];

const domain = (text: string | undefined): string | undefined => {
  const name = (text ?? "").replace(/\.$/, "");
  // services and verifications begin with _
  return "value" in domainName.parse(name.replaceAll("_", "x")) ? name : undefined;
};

const number = (text: string | undefined, max: number): number | undefined =>
  /^\d+$/.test(text ?? "") && Number(text) <= max ? Number(text) : undefined;

/** Reads a value; undefined if it is none of that type, or the type is none of `dnsTypes`. */
export function parseDnsValue(type: string, value: string): DnsData | undefined {
  const words = value.trim().split(/\s+/);
  const [first, second, third, fourth] = words;
  switch (type) {
    case "A":
    case "AAAA": {
      const family = parseAddress(value)?.family;
      return family === (type === "A" ? 4 : 6) ? { type, data: value } : undefined;
    }
    case "CNAME":
    case "NS":
    case "PTR": {
      const data = words.length === 1 ? domain(first) : undefined;
      return data === undefined ? undefined : { type, data };
    }
    case "TXT":
      return { type, data: texts(value) };
    case "MX": {
      const [preference, exchange] = [number(first, 65_535), domain(second)];
      if (preference === undefined || exchange === undefined || words.length !== 2) return undefined;
      return { type, data: { preference, exchange } };
    }
    case "SRV": {
      const [priority, weight, port] = [first, second, third].map((text) => number(text, 65_535));
      const target = domain(fourth);
      if (priority === undefined || weight === undefined || port === undefined || target === undefined) {
        return undefined;
      }
      return { type, data: { priority, weight, port, target } };
    }
    case "CAA": {
      const flags = number(first, 255);
      if (flags === undefined || !/^[a-z0-9]+$/.test(second ?? "") || third === undefined) return undefined;
      return {
        type,
        data: { flags, tag: second!, value: words.slice(2).join(" ").replace(/^"(.*)"$/, "$1") },
      };
    }
    default:
      return undefined;
  }
}

/** `"one" "two"` is two texts, anything else one; none is longer than 255 bytes on the wire. */
function texts(value: string): string[] {
  const quoted = [...value.matchAll(/"([^"]*)"/g)].map(([, text]) => text ?? "");
  const all = quoted.length > 0 && /^("[^"]*"\s*)+$/.test(value.trim()) ? quoted : [value];
  return all.flatMap((text) => text.match(/[\s\S]{1,200}/g) ?? [""]);
}
