// Nonsense for the API: requests to every route with parts that are wrong in some way, the same ones for the same seed.

import type { Method, Route } from "../../wire/routes.ts";
import type { Schema } from "../../wire/schema.ts";

export interface Nonsense {
  method: Method;
  /** path and query as they go over the wire */
  target: string;
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** Numbers from 0 to 1; mulberry32. */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)]!;

/** Words as they stand in an address, good ones among them. */
const words = (known: readonly string[]): readonly string[] => [
  ...known,
  "..",
  "%2e%2e",
  "..%2f..%2f..%2f..%2fetc%2fpasswd",
  "%00",
  "%ff%fe",
  "%",
  "%zz",
  "a%20b",
  "a%2fb",
  "__proto__",
  "constructor",
  "-",
  "-rf",
  "*",
  "x".repeat(300),
  "%F0%9F%92%A9",
  "00000000-0000-0000-0000-000000000000",
  "0".repeat(64),
  "127.0.0.1",
];

const texts = (known: readonly string[]): readonly string[] => [
  ...known,
  "",
  "..",
  "../../../../etc/passwd",
  "/etc/passwd",
  "a\0b",
  "a\nb",
  "\ud800",
  "💩",
  "x".repeat(5000),
  "true",
  "-1",
  "1e999",
  "99999999999999999999",
  "$(touch /tmp/oops)",
  "'; rm -rf /; '",
  "%s%n",
  "1970-01-01T00:00:00Z",
  "image",
  "start",
];

const oddities: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  "",
  [],
  {},
  [[[[[]]]]],
  { a: { b: { c: {} } } },
  "x".repeat(1000),
];

/** Requests for a route; `known` are names that mean something. */
export function nonsense(random: Random, route: Route, known: readonly string[]): Nonsense {
  const path = route.path.replace(/\{\w+\}/g, () => pick(random, words(known)));
  const query = Array.from({ length: Math.floor(random() * 3) }, () => {
    const name = random() < 0.7 && route.query.length > 0 ? pick(random, route.query) : "unknown";
    return `${name}=${pick(random, [...words(known), "1", "2", "true", "-1", "name eq c1", "not"])}`;
  });
  const target = `${path}${query.length > 0 ? `?${query.join("&")}` : ""}`.replaceAll(" ", "%20");
  if (route.method === "GET" || route.method === "HEAD") {
    return { method: route.method, target, headers: headersOf(random) };
  }
  return { method: route.method, target, headers: headersOf(random), body: bodyOf(random, route, known) };
}

function headersOf(random: Random): Record<string, string> {
  const all: Record<string, string>[] = [
    {},
    { "content-type": "application/json" },
    { "content-type": "multipart/form-data; boundary=" },
    { "content-type": "multipart/form-data; boundary=x" },
    { "content-type": "application/octet-stream" },
    { "if-match": '"nothing"' },
    { "if-match": "*" },
    { "x-lxd-type": "directory", "x-lxd-mode": "99999" },
    { "x-lxd-type": "symlink", "x-lxd-uid": "-1" },
    { "x-lxd-type": "nonsense", "x-lxd-write": "append" },
    { "x-lxd-properties": "%ff=%zz&a", "x-lxd-public": "maybe", "x-lxd-filename": "../../x" },
    { "content-encoding": "gzip" },
    { "range": "bytes=5-1" },
    { "origin": "https://example.com" },
  ];
  return { ...pick(random, all), ...pick(random, all) };
}

function bodyOf(random: Random, route: Route, known: readonly string[]): Uint8Array {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const chance = random();
  if (chance < 0.05) return bytes("");
  if (chance < 0.1) {
    return bytes(pick(random, ["{", "[", "nul", '{"a":', "\u{feff}{}", "{}{}", "// x", "'a'"]));
  }
  if (chance < 0.13) return Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
  if (chance < 0.15) return bytes("[".repeat(20_000));
  if (chance < 0.16) return bytes(`{"name":"${"x".repeat(1_500_000)}"}`);
  if (chance < 0.2) return bytes('{"__proto__":{"polluted":true},"name":"a"}');
  if (chance < 0.23) return Uint8Array.from({ length: 2000 }, () => Math.floor(random() * 256));
  if (chance < 0.3) return bytes(JSON.stringify(pick(random, oddities)));
  const body = route.body === undefined
    ? { source: pick(random, oddities), name: pick(random, texts(known)) }
    : valueOf(random, route.body, texts(known));
  const odd = typeof body === "object" && body !== null && !Array.isArray(body) && random() < 0.3
    ? { ...body, unknown_field: pick(random, oddities) }
    : body;
  return bytes(JSON.stringify(odd));
}

/** What a schema asks for, mostly. */
function valueOf(random: Random, schema: Schema, strings: readonly string[]): unknown {
  if (random() < 0.12) return pick(random, oddities);
  switch (schema.kind) {
    case "string":
      return pick(random, strings);
    case "integer":
    case "number":
      return pick(random, [0, 1, -1, 5, 2 ** 31, 2 ** 53, 1e300]);
    case "boolean":
      return random() < 0.5;
    case "enum":
      return pick(random, schema.values);
    case "unknown":
      return pick(random, oddities);
    case "array":
      return Array.from({ length: Math.floor(random() * 3) }, () => valueOf(random, schema.items, strings));
    case "record":
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 3) }, () => [
          pick(random, [...strings, "limits.memory", "user.a", "root", "security.nesting", "image.os"]),
          valueOf(random, schema.values, strings),
        ]),
      );
    case "object":
      return Object.fromEntries(
        Object.entries(schema.fields).flatMap(([name, { schema: inner, optional }]) =>
          random() < (optional ? 0.5 : 0.05) ? [] : [[name, valueOf(random, inner, strings)]]
        ),
      );
  }
}
