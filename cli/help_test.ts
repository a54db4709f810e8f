import { assert } from "@std/testing";
import { assertGolden } from "../tests/support/golden.ts";
import { commands, groups } from "./commands.ts";
import { help } from "./help.ts";

const grammar = { commands, groups };

for (const topic of ["", "launch", "exec", "config", "config device add", "list"]) {
  const name = topic === "" ? "drey" : topic.replaceAll(" ", "_");
  Deno.test(`help() for "drey ${topic}" reads as it did`, () =>
    assertGolden(`help/${name}.txt`, help(topic, grammar)));
}

Deno.test("help() has a page with usage and an example for every command and group", () => {
  for (const { path } of [...commands, ...groups]) {
    const page = help(path, grammar);
    assert(page.includes(`Usage:\n  drey ${path}`), path);
    assert(page.includes("Examples:\n  drey "), path);
  }
});

Deno.test("help() keeps to 120 columns", () => {
  for (const { path } of [...commands, ...groups]) {
    for (const line of help(path, grammar).split("\n")) assert(line.length <= 120, `${path}: ${line}`);
  }
});
