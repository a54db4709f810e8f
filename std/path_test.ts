import { assertEquals, assertThrows } from "@std/testing";
// @ts-types="./path_package.d.ts"
import * as theirs from "deno-std/path/posix/mod.js";
import * as ours from "./path.ts";

const samples = [
  ...[
    "",
    ".",
    "..",
    "/",
    "//",
    "a",
    "a/",
    "/a",
    "/a/",
    "a/b",
    "/a/b/c.tar.gz",
    "./a",
    "../a",
    "a/..",
    "a/../..",
  ],
  ...[
    "/..",
    "/../a",
    "a//b",
    "a/./b/../c/",
    "../../x/",
    ".hidden",
    "a.b/",
    "///a///b///",
    "a/../../b",
    "/a/b/../../..",
  ],
];

Deno.test("path functions of one argument answer as @std/path does", () => {
  for (const path of samples) {
    assertEquals(ours.dirname(path), theirs.dirname(path), `dirname(${path})`);
    assertEquals(ours.basename(path), theirs.basename(path), `basename(${path})`);
    assertEquals(ours.resolve(path), theirs.resolve(path), `resolve(${path})`);
    assertEquals(ours.join(path), theirs.join(path), `join(${path})`);
  }
});

Deno.test("path functions of two arguments answer as @std/path does", () => {
  for (const a of samples) {
    for (const b of samples) {
      assertEquals(ours.join(a, b), theirs.join(a, b), `join(${a}, ${b})`);
      assertEquals(ours.resolve(a, b), theirs.resolve(a, b), `resolve(${a}, ${b})`);
      assertEquals(
        ours.relative(`/${a}`, `/${b}`),
        theirs.relative(`/${a}`, `/${b}`),
        `relative(/${a}, /${b})`,
      );
    }
  }
});

Deno.test("fromFileUrl() answers as @std/path does", () => {
  for (const url of ["file:///a/b", "file:///a%20b", "file:///100%"]) {
    assertEquals(ours.fromFileUrl(url), theirs.fromFileUrl(url));
  }
  assertThrows(() => ours.fromFileUrl("https://a/b"), TypeError, "must be a file URL");
});
