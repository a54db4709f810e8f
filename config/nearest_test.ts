import { assertEquals } from "@std/testing";
import { distance, nearest } from "./nearest.ts";

Deno.test("distance() counts a swap of neighbours as one step", () => {
  assertEquals([distance("ab", "ba"), distance("list", "lst"), distance("a", "b")], [1, 1, 1]);
  assertEquals([distance("", "abc"), distance("same", "same")], [3, 0]);
});

Deno.test("nearest() finds a misspelt or shortened word, and nothing for a strange one", () => {
  const words = ["launch", "list", "delete", "config"];
  assertEquals(["lauhc", "lst", "delte", "conf", "zzzzzz"].map((word) => nearest(word, words)), [
    "launch",
    "list",
    "delete",
    "config",
    undefined,
  ]);
});

Deno.test("nearest() knows a word in capitals, and takes no key for another for its beginning alone", () => {
  assertEquals(nearest("LIST", ["launch", "list"]), "list");
  const keys = ["limits.cpu", "limits.memory", "limits.memory.swap"];
  assertEquals(["limits.ram", "limits.memroy", "limit.memory"].map((word) => nearest(word, keys)), [
    undefined,
    "limits.memory",
    "limits.memory",
  ]);
});

Deno.test("nearest() knows a key by its last words", () => {
  assertEquals(nearest("memory", ["limits.cpu", "limits.memory"]), "limits.memory");
});
