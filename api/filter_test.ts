import { assert, assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { parseFilter } from "./filter.ts";

const c1 = {
  name: "c1",
  status: "Running",
  ephemeral: false,
  size: 5,
  profiles: ["default", "web"],
  config: { "limits.cpu": "2", "user.a": "x y", "image.os": "Debian" },
  devices: { root: { type: "disk", path: "/" } },
};

Deno.test("a filter tests fields, keys with dots, lists, numbers and booleans", () => {
  const cases: [string, boolean][] = [
    ["name eq c1", true],
    ["name eq c2", false],
    ["name ne c2", true],
    ["not name eq c1", false],
    ["status eq running", true],
    ["config.limits.cpu eq 2", true],
    ["config.image.os eq debian", true],
    ["config.image.os eq Debia", false],
    ["config.image.os eq deb.*", true],
    ["config.image.os eq ubuntu|debian", true],
    ["config.image.os ne deb.*", false],
    ["config.image.os eq ^deb", true],
    ["config.image.os eq ian$", true],
    ["config.image.os eq [D", false],
    ['config.user.a eq "x y"', true],
    ["config.user.a eq 'x y'", true],
    ["config.none eq 2", false],
    ["config.none eq ''", true],
    ["devices.root.type eq disk", true],
    ["profiles eq web", true],
    ["ephemeral eq false", true],
    ["size eq 5", true],
    ["size eq ''", false],
    ["name eq c1 and status eq stopped", false],
    ["name eq c2 or status eq running", true],
    ["name eq c1 and status eq stopped or size eq 5", true],
    ["name EQ c1 AND NOT size eq 4", true],
    [" ", true],
  ];
  for (const [text, expected] of cases) assertEquals(parseFilter(text)(c1), expected, text);
});

Deno.test("a filter that cannot be read is a bad request, in LXD's words", () => {
  const cases = {
    "not": "incomplete not clause",
    "name": "clause has no operator",
    "not name": "clause has no operator",
    "name eq": "clause has no value",
    "name like c1": "unknown operator",
    "size gt 5": "unknown operator",
    "name eq c1 and": "unterminated compound clause",
    "name eq c1 xor a eq b": "invalid clause composition",
    'a eq "b': "unterminated quote",
  };
  for (const [text, reason] of Object.entries(cases)) {
    const error = assertThrows(() => parseFilter(text), DreyError, `Invalid filter: ${reason}`);
    assertEquals(error.code, "BAD_REQUEST", text);
  }
});

Deno.test("a filter does not reach what is not a field", () => {
  for (const field of ["constructor", "__proto__", "name.length", "toString.name"]) {
    assertEquals(parseFilter(`${field} eq ''`)(c1), true, field);
  }
});

Deno.test("a field of thousands of words is looked for as fast as any", () => {
  const field = "a.".repeat(7_800);
  const isWanted = parseFilter(`${field}a eq x or name eq c1`);
  const start = performance.now();
  for (let count = 0; count < 20; count++) {
    assert(isWanted({ name: "c1", a: { a: { a: {} } }, config: {} }));
  }
  assert(performance.now() - start < 2_000, "each beginning of the field is put together anew");
});
