import { assertEquals, assertStringIncludes } from "@std/testing";
import { markWarm, warmMarked, warmOf } from "./warm_functions.ts";

const bundle = `// lazy.ts
async function ask2(a) {
  return a;
}
function* count() {
}
var init_lazy = __esm({
  "lazy.ts"() {
    one = 1;
  }
});

// cli.ts
function ask(a) {
}
ask();`;

Deno.test("markWarm() puts warm functions by themselves, and leaves the others where they are", () => {
  const { functions, rest } = markWarm(bundle, {
    "lazy.ts": { list: ["ask", ""] },
    "cli.ts": { list: ["other"] },
  });
  assertEquals(
    warmMarked(functions).text,
    `var ask2 = (async function (a) {
  return a;
});`,
  );
  assertEquals(
    warmMarked(rest).text,
    `// lazy.ts

function* count() {
}
var init_lazy = __esm({
  "lazy.ts": (function() {
    one = 1;
  })
});

// cli.ts
function ask(a) {
}
ask();`,
  );
});

Deno.test("markWarm() has V8 compile functions in functions, as far as parentheses can do that", () => {
  const text = `// tools.ts
function make(list) {
  const one = list.map((x) => x + 1);
  const ask = async (x, y = 1) => ({ x, y });
  const mine = async () => this;
  return { one, async get() { return await ask(1); }, get size() { return 1; }, never() {} };
}`;
  const { functions } = markWarm(text, {
    "tools.ts": { list: ["make", "make>one", "make>ask", "make>mine", "make>get", "make>size"] },
  });
  assertEquals(
    warmMarked(functions).text,
    `var make = (function (list) {
  const one = list.map(((x) => x + 1));
  const ask = (async function(x, y = 1) { return ({ x, y }); });
  const mine = async () => this;
  return { one, get: (async function() { return await ask(1); }), get size() { return 1; }, never() {} };
});`,
  );
});

Deno.test("warmOf() finds the compiled functions of a bundle in the log of V8", () => {
  const at = (text: string) => bundle.indexOf("(", bundle.indexOf(text));
  const log = `script-details,7,file:///tmp/raw.js
script-details,8,file:///tmp/other.js
function,interpreter,7,${at("ask2")},90,0.1,1,ask2
function,interpreter,7,${at('"lazy.ts"')},90,0.1,1,lazy.ts
function,full-parse,7,${at("count")},90,0.1,1,count
function,interpreter,8,${at("function ask(")},90,0.1,1,ask`;
  assertEquals(warmOf(bundle, log, "/raw.js"), { "lazy.ts": ["ask", ""] });
});

Deno.test("the functions named as warm are of drey's own, and there are some", async () => {
  const warm = JSON.parse(await Deno.readTextFile(new URL("warm.json", import.meta.url)));
  assertStringIncludes(JSON.stringify(warm["cli/main.ts"]), "main");
});
