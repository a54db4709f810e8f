import { assertEquals, assertThrows } from "@std/testing";
import { absence, absentWords } from "./absent.ts";
import { commands, groups } from "./commands.ts";
import { parse } from "./parse.ts";

Deno.test("words and flags of lxc that mean nothing here are refused in one line with the reason", () => {
  const lines = {
    "cluster list": /"cluster" here: drey serves one machine/,
    "network peer create lan p1 other": /networks of type ovn/,
    "storage bucket ls default": /server of S3/,
    "config show web --target=n2": /--target here: drey serves one machine/,
    "move a b -c user.x=1": /--config here: a move on one server/,
    "mv a b --stateless": /--stateless here: an instance is stopped/,
    "file mount web/ --listen 127.0.0.1:22": /no SSH server/,
    "-v list": /--verbose here: /,
  };
  for (const [line, expected] of Object.entries(lines)) {
    const message = absence(line.split(" "))?.message ?? "";
    assertEquals(expected.test(message), true, `${line}: ${message}`);
  }
  assertEquals(absence(["lits"]), undefined);
  assertEquals(absence(["list", "--target-project"]), undefined);
  assertEquals(absence(["exec", "web", "--", "move", "--target"]), undefined);
});

Deno.test("nothing is called absent that is there", () => {
  for (const { words } of absentWords) {
    const line = words.startsWith("--") ? `list ${words}` : words;
    assertThrows(() => parse(line.split(" "), { commands, groups }), Error, undefined, words);
  }
});
