import { assertEquals } from "@std/testing";
import { containerOf } from "./early_way_in.ts";

Deno.test("the container of an exec in plain words is known from them", () => {
  for (const words of [["web", "--", "true"], ["web", "ls", "-l"], ["web"]]) {
    assertEquals(containerOf(["exec", ...words]), "web", words.join(" "));
  }
});

Deno.test("no container is guessed where words may mean something else", () => {
  for (
    const words of [
      [],
      ["--help"],
      ["-t", "web", "--", "sh"],
      ["web", "-t", "--", "sh"],
      ["web", "--project", "p1"],
      ["remote:web", "--", "true"],
      ["../web", "true"],
      ["1web", "true"],
      [""],
    ]
  ) assertEquals(containerOf(["exec", ...words]), undefined, words.join(" "));
});
