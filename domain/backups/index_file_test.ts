import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { parseConfig, parseIndex, parseSubvolumes } from "./index_file.ts";

/** Lists of lists by name, each ten times the one before: ten lines for ten thousand million words. */
function bomb(levels: number): string {
  const lines = Array.from({ length: levels }, (_, at) => {
    const names = Array(10).fill(`*a${at}`).join(", ");
    return `a${at + 1}: &a${at + 1} [${names}]\n`;
  });
  return `a0: &a0 lol\n${lines.join("")}`;
}

Deno.test("a description of a few lines does not become a text that fills the memory", async () => {
  for (const [levels, why] of [[2, '"user.x" in its description is no text'], [10, "is not YAML"]] as const) {
    const instance = `name: c1\n    config:\n      user.x: *a${levels}\n`;
    const index = `${bomb(levels)}name: c1\nconfig:\n  container:\n    ${instance}`;
    await assertRejects(() => parseIndex(index), DreyError, why);
    const config = `${bomb(levels)}container:\n    ${instance}`;
    await assertRejects(() => parseConfig(config), DreyError, why);
  }
});

Deno.test("settings of a description are texts, however YAML reads them", async () => {
  const config = "\n      user.a: 1\n      user.b: true\n      user.c: text\n";
  const { container } = await parseConfig(`container:\n    name: c1\n    config:${config}`);
  assertEquals(container?.config, { "user.a": "1", "user.b": "true", "user.c": "text" });
});

Deno.test("a header that lists no subvolumes as it should is an invalid backup, not a fault of drey's", async () => {
  assertEquals(await parseSubvolumes('subvolumes:\n- path: /\n  snapshot: ""\n- path: /a\n'), ["/", "/a"]);
  assertEquals(await parseSubvolumes("subvolumes: 5\n"), []);
  for (const header of ["", "- a\n", "subvolumes:\n- 5\n", "subvolumes:\n- path: 5\n"]) {
    await assertRejects(() => parseSubvolumes(header), DreyError, "Cannot use the backup", header);
  }
});

Deno.test("a description is read in the words of newer LXDs too", async () => {
  const text = "instance:\n  name: c1\nvolumes:\n- name: c1\n  description: noted\n";
  const { container, volume } = await parseConfig(text);
  assertEquals([container?.name, volume?.description], ["c1", "noted"]);
});
