import { assertEquals, assertStringIncludes, assertThrows } from "@std/testing";
import { cutParts } from "../../cli/bundle_parts.ts";
import { cutApart, putTogether } from "./bundle_pieces.ts";
import { warmWords } from "./warm_functions.ts";

const bundle = `var __esm = (parts) => () => {
  Object.values(parts)[0]();
};
var __export = (target, all) => {
  for (const name in all) Object.defineProperty(target, name, { get: all[name] });
};

// rare.ts
var rare_exports = {};
__export(rare_exports, {
  rare: () => rare
});
async function rare() {
  const { last: last2 } = await Promise.resolve().then(() => (init_last(), last_exports));
  return last2(often + old);
}
var init_rare = __esm({
  "rare.ts"() {
    init_often();
    init_old();
  }
});

// old.ts
var old;
var init_old = __esm({
  "old.ts"() {
    old = 2;
  }
});

// last.ts
var last_exports = {};
__export(last_exports, {
  last: () => last
});
function last(number) {
  return number + old;
}
var init_last = __esm({
  "last.ts"() {
    init_old();
  }
});

// often.ts
var often;
var init_often = __esm({
  "often.ts"() {
    often = 1;
  }
});

// main.ts
var main_exports = {};
__export(main_exports, {
  main: () => main
});
async function main(isRare) {
  if (!isRare) return often;
  const { rare: rare2 } = await Promise.resolve().then(() => (init_rare(), rare_exports));
  return await rare2();
}
var init_main = __esm({
  "main.ts"() {
    init_often();
  }
});

// cli.ts
var { main: main2 } = await Promise.resolve().then(() => (init_main(), main_exports));
globalThis.outcome = [await main2(false), await main2(true), import.meta.url.length > 0];
`;

const warm = { "main.ts": { "often rarely": ["main"] }, "often.ts": { rarely: [""] } };
const pieces = cutApart(bundle, warm);
const shortened = pieces.text.replaceAll("debugger;", "");
const entered = { often: ["main.ts"], rarely: ["main.ts", "rare.ts"], never: [] };
const commands = { modules: Object.keys(warm), entered, words: warmWords(warm) };
const whole = putTogether(pieces, shortened, commands);

/** What a program leaves behind; each run of a test is another program, for which its number stands. */
async function outcomeOf(program: string, number: number): Promise<unknown> {
  await import(`data:text/javascript,${encodeURIComponent(`${program}\n//${number}`)}`);
  return (globalThis as { outcome?: unknown }).outcome;
}

Deno.test("putTogether() sets aside what no warm module starts, and the program does the same", async () => {
  const [before = "", rest = ""] = whole.split("function __cold() {\n");
  assertStringIncludes(rest.slice(0, rest.indexOf("/*")), "async function rare()");
  assertEquals(before.includes("function rare()") || before.includes("old = 2"), false);
  assertStringIncludes(before, "main = (async function (isRare) {");
  assertEquals(await outcomeOf(whole, 1), [1, 5, true]);
});

Deno.test("cutParts() makes programs of a bundle that get what they have not", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-parts-" });
  try {
    const parts = cutParts(`#!/bin/sh\nexec it\n${whole}`, directory);
    assertEquals(Object.keys(parts), ["whole.js", "often.mjs", "rarely.mjs", "never.mjs"]);
    await Deno.writeTextFile(`${directory}/whole.js`, parts["whole.js"]!);
    for (const [number, name] of ["often.mjs", "rarely.mjs", "never.mjs"].entries()) {
      assertEquals(await outcomeOf(parts[name]!, 2 + number), [1, 5, true], name);
    }
    assertEquals(parts["often.mjs"]!.includes("function rare()"), false);
    assertStringIncludes(parts["rarely.mjs"]!, "old = 2");
    assertEquals(parts["rarely.mjs"]!.includes("function last("), false);
    assertEquals(parts["never.mjs"]!.includes("isRare"), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("putTogether() refuses a text that has lost one of its pieces", () => {
  const lossy = shortened.replace(/__piece3\(\);/, "");
  assertThrows(() => putTogether(pieces, lossy, commands), Error, "lost or moved");
});
