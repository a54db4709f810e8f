import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { entryCheck, plainName } from "./entries.ts";
import type { TarEntry } from "./tar.ts";

const entry = (name: string, type: TarEntry["type"] = "file", target = ""): TarEntry => ({
  name,
  type,
  target,
  size: 0,
});
const link = (name: string, target: string) => entry(name, "symlink", target);

const hostile: Record<string, TarEntry[]> = {
  "a link in place of the directory of the entry before": [entry("a/x"), link("a", "/etc"), entry("a/y")],
  "a link in place of a directory further up": [entry("a/b/x"), link("a", "/etc"), entry("a/b/y")],
  "a link on the way that is made to point elsewhere": [
    link("a", "b"),
    entry("b/x"),
    entry("a/x"),
    link("b", ".."),
    entry("a/y"),
  ],
  "a link that climbs": [link("a/b", "../.."), entry("a/b/x")],
  "a hard link through a link": [entry("b"), link("a", "/"), entry("c", "hardlink", "a/etc/passwd")],
};

for (const [what, entries] of Object.entries(hostile)) {
  Deno.test(`entryCheck() refuses what leads out through ${what}`, () => {
    const check = entryCheck("");
    const last = entries.at(-1)!;
    for (const one of entries.slice(0, -1)) check(one);
    assertThrows(() => check(last), DreyError, last.name);
  });
}

Deno.test("entryCheck() lets links through that stay in the tree", () => {
  const check = entryCheck("");
  for (const one of [link("bin", "usr/bin"), entry("bin/sh"), link("a", "/etc"), entry("ab/x"), entry("x")]) {
    check(one);
  }
});

Deno.test("plainName() takes away what says nothing, and refuses what climbs", () => {
  const names = ["a/b", "./a//b/", "a/./b", "a/b/.", "..a/b...", ".", "", "./", "/a", "/"];
  assertEquals(names.map(plainName), ["a/b", "a/b", "a/b", "a/b", "..a/b...", "", "", "", "a", ""]);
  for (const name of ["..", "a/..", "a/../b", "../a"]) assertThrows(() => plainName(name), DreyError);
});
