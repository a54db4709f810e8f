import { assertEquals, assertThrows } from "@std/testing";
import { expand, splitWords } from "./alias_words.ts";

const expanded = (line: string, aliases: Record<string, string>) =>
  expand(line.split(" "), aliases).join(" ");

Deno.test("expand() puts what was typed where the alias has a place for it, or else at the end", () => {
  const aliases = {
    delete: "delete -i",
    login: "exec @ARGS@ -- su -l",
    "by name": "list @ARG2@ --project @ARG1@ -c n",
  };
  assertEquals(expanded("delete c1", aliases), "delete -i c1");
  assertEquals(
    expanded("--project=web login c1 --env A=b", aliases),
    "--project=web exec c1 --env A=b -- su -l",
  );
  assertEquals(expanded("by name web c1 -f csv", aliases), "list c1 --project web -c n -f csv");
  assertEquals(expanded("by", aliases), "by");
  assertThrows(() => expanded("by name web", aliases), Error, "at least 2 arguments, but has 1");
});

Deno.test("expand() takes the alias of most words, once, and never one for the command that removes it", () => {
  const aliases = { a: "b", "a c": "d", b: "c", alias: "list" };
  assertEquals(expanded("a", aliases), "b");
  assertEquals(expanded("a c x", aliases), "d x");
  assertEquals(expanded("alias remove alias", aliases), "alias remove alias");
  assertEquals(expanded("--version", aliases), "--version");
});

Deno.test("expand() answers with the command line of a program, without the flags of drey", () => {
  assertEquals(expand(["--debug", "top"], { top: '/bin/sh -c "echo a b"' }), ["/bin/sh", "-c", "echo a b"]);
});

Deno.test("splitWords() parts a line as a shell does", () => {
  assertEquals(splitWords(`exec c1 -- sh -c 'echo "$A"' a\\ b "c \\" d"e ''`), [
    ...["exec", "c1", "--", "sh", "-c"],
    'echo "$A"',
    "a b",
    'c " de',
    "",
  ]);
  assertThrows(() => splitWords("echo 'a"), Error, "has no end");
});
