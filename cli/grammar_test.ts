import { assertEquals } from "@std/testing";
import { commands, groups } from "./commands.ts";
import { grammarFor } from "./grammar.ts";
import { parse } from "./parse.ts";
import { commands as ofInstances } from "./table/instances.ts";

Deno.test("grammarFor() has what a line needs: each command reads the same with it and with the whole table", async () => {
  const lines = commands.flatMap(({ path, examples }) => [
    [...path.split(" "), "--help"],
    ...examples.map(({ line }) => line.split(" ")),
  ]);
  for (const line of lines) {
    const read = (from: Parameters<typeof parse>[1]) => {
      try {
        const parsed = parse(line, from);
        return parsed.kind === "command"
          ? { path: parsed.typed.command.path, args: parsed.typed.args }
          : parsed;
      } catch (error) {
        return (error as Error).message;
      }
    };
    assertEquals(read(await grammarFor(line)), read({ commands, groups }), line.join(" "));
  }
});

Deno.test("grammarFor() takes no group or longer command for one of instances", async () => {
  const first = new Set(ofInstances.map(({ path }) => path));
  const others = [...groups, ...commands].filter(({ path }) => !first.has(path));
  assertEquals(others.filter(({ path }) => first.has(path.split(" ")[0]!)), []);
  assertEquals((await grammarFor(["image", "list"])).commands.length, commands.length);
  assertEquals((await grammarFor(["--project", "x", "list"])).commands.length, commands.length);
  assertEquals((await grammarFor(["list"])).commands.length, ofInstances.length);
});
