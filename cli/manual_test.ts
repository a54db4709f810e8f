import { assert, assertEquals } from "@std/testing";
import { commands, groups } from "./commands.ts";
import { manual } from "./manual.ts";

const grammar = { commands, groups };

Deno.test("manual() has a page for each command and group, which man(7) understands line by line", () => {
  const pages = manual(grammar, { format: "man", version: "1.2" });
  const shown = commands.filter(({ isHidden }) => !isHidden);
  assertEquals(new Set(pages.map(({ name }) => name)).size, 1 + groups.length + shown.length);
  for (const { name, text } of pages) {
    assert(text.startsWith(".TH DREY"), name);
    for (const line of text.trimEnd().split("\n")) {
      assert(/^\.(TH|SH|TP|PP|nf|fi)\b|^[^.']|^$/.test(line), `${name}: ${line}`);
      assert(!/\\(?![-e&f])/.test(line), `${name}: ${line}`);
    }
  }
  const add = pages.find(({ name }) => name === "drey-config-device-add.1")?.text ?? "";
  assert(add.includes("drey config device add [<remote>:]<instance> <device> <type>"), add);
});

Deno.test("manual() shows in Markdown what help shows", () => {
  const pages = manual(grammar, { format: "md", version: "1.2" });
  const page = pages.find(({ name }) => name === "drey-stop.md")?.text ?? "";
  assert(page.startsWith("# drey stop\n\n```\nStop instances.\n"), page);
});
