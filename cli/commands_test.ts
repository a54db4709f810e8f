import { assert, assertEquals } from "@std/testing";
import { type Command, globalFlags } from "./command.ts";
import { commands, groups } from "./commands.ts";
import { parse } from "./parse.ts";

const grammar = { commands, groups };

Deno.test("no two commands answer to the same words", () => {
  const words = commands.flatMap(({ path, aliases = [], hiddenAliases = [] }) => {
    const parent = path.split(" ").slice(0, -1);
    return [path, ...[...aliases, ...hiddenAliases].map((alias) => [...parent, alias].join(" "))];
  });
  assertEquals(words.filter((word, at) => words.indexOf(word) !== at), []);
});

Deno.test("every command stands in a group that exists", () => {
  for (const { path } of [...commands, ...groups]) {
    const parent = path.split(" ").slice(0, -1).join(" ");
    assert(parent === "" || groups.some((group) => group.path === parent), path);
  }
});

Deno.test("every row has a summary and examples, in sentence case and without a final period", () => {
  for (const { path, summary, examples, flags } of commands) {
    assert(examples.length > 0, `${path} has no example`);
    for (
      const text of [
        summary,
        ...examples.map(({ about }) => about),
        ...flags.map((flag) => flag.summary),
      ]
    ) {
      assert(/^[A-Z$].*[^.]$/.test(text), `${path}: "${text}"`);
    }
  }
});

Deno.test("no flag of a command is declared twice or hides a global one", () => {
  for (const { path, flags } of commands) {
    const all = [...flags, ...globalFlags];
    const names = all.map(({ name }) => name);
    const letters = all.flatMap(({ short }) => short === undefined ? [] : [short]);
    assertEquals(new Set(names).size, names.length, path);
    assertEquals(new Set(letters).size, letters.length, path);
  }
});

Deno.test("one argument at most repeats, and none that must be given follows one that may be", () => {
  // config commands mean the server when the instance is left out
  const meansServer = (path: string) => path.startsWith("config ");
  for (const { path, args } of commands) {
    assert(args.filter(({ many }) => many).length <= 1, path);
    const firstOptional = args.findIndex(({ optional }) => optional);
    if (firstOptional === -1 || meansServer(path)) continue;
    assert(args.slice(firstOptional).every(({ optional }) => optional), path);
  }
});

Deno.test("every example is understood by the parser", () => {
  for (const { path, examples } of commands) {
    for (const { line } of examples) {
      const parsed = parse(words(line), grammar);
      assert(parsed.kind === "command", line);
      assertEquals(parsed.typed.command.path, path, line);
    }
  }
});

/** Words as a shell would make them, without redirections. */
function words(line: string): string[] {
  const found = line.replace(/ [<>] .*$/, "").matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  return [...found].map(([, single, double, plain]) => single ?? double ?? plain ?? "");
}

Deno.test("every command but the entrances loads a handler", async () => {
  for (const command of commands) {
    if (command.path !== "serve") assertEquals(typeof await command.load(), "function", command.path);
  }
});

Deno.test("no dead flags: the code of a command asks for every flag of its row", async () => {
  for (const command of commands) {
    const source = await sourceOf(command);
    for (const { name } of command.flags) assert(source.includes(`"${name}"`), `${command.path} --${name}`);
  }
});

/** Where the code is that commands share: get, set, unset and edit of all things, and lists of some. */
const shared = ["settings.ts", "named.ts"];
const directory = new URL("table/", import.meta.url);
const tables = [...Deno.readDirSync(directory)].map(({ name }) => new URL(name, directory));

async function sourceOf({ path: words, load }: Command): Promise<string> {
  if (words === "serve") {
    return (await Deno.readTextFile(new URL("../api/serve_arguments.ts", import.meta.url))).replaceAll(
      '"--',
      '"',
    );
  }
  const table = (await Promise.all(tables.map((url) => Deno.readTextFile(url)))).join("\n");
  const direct = /import\("([^"]+)"\)/.exec(load.toString())?.[1];
  const loader = /await (\w+)\(\)/.exec(load.toString())?.[1];
  const path = direct ?? new RegExp(`const ${loader} = \\(\\) => import\\("([^"]+)"\\)`).exec(table)?.[1];
  if (path === undefined) return "";
  const source = await Deno.readTextFile(new URL(path, tables[0]));
  const more = shared.filter((name) => source.includes(`"../${name}"`));
  const texts = more.map((name) => Deno.readTextFile(new URL(name, import.meta.url)));
  return [source, ...await Promise.all(texts)].join("\n");
}
