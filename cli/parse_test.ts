import { DreyError } from "../errors.ts";
import { assert, assertEquals, assertThrows } from "@std/testing";
import { commands, groups } from "./commands.ts";
import { parse, type Typed } from "./parse.ts";

const grammar = { commands, groups };

function read(...argv: string[]): Typed {
  const parsed = parse(argv, grammar);
  assert(parsed.kind === "command", argv.join(" "));
  return parsed.typed;
}

function refusal(...argv: string[]): string {
  const { message, hint } = assertThrows(() => parse(argv, grammar), DreyError);
  return `${message}. ${hint}`;
}

Deno.test("parse() takes flags before, between and after arguments", () => {
  for (const line of ["stop -f a b", "stop a -f b", "stop a b --force"]) {
    const typed = read(...line.split(" "));
    assertEquals(typed.args, ["a", "b"]);
    assertEquals(typed.has("force"), true);
  }
});

Deno.test("parse() takes values after a space, an equals sign, or nothing", () => {
  for (
    const line of ["list -f json", "list -fjson", "list -f=json", "list --format json", "list --format=json"]
  ) {
    assertEquals(read(...line.split(" ")).text("format"), "json");
  }
});

Deno.test("parse() collects a flag that repeats, and keeps equals signs in values", () => {
  const typed = read("launch", "debian:12", "-c", "a=1", "--config", "b=x=y", "c1", "-ca=2");
  assertEquals(typed.list("config"), ["a=1", "b=x=y", "a=2"]);
  assertEquals(typed.args, ["debian:12", "c1"]);
});

Deno.test("parse() reads clustered letters, the last of which may take a value", () => {
  const typed = read("launch", "-eqc", "a=1", "debian:12");
  assertEquals([typed.has("ephemeral"), typed.has("quiet"), typed.list("config")], [true, true, ["a=1"]]);
});

Deno.test("parse() takes everything after -- as arguments", () => {
  assertEquals(read("start", "--", "-x").args, ["-x"]);
});

Deno.test("parse() gives exec the words after the name, flags and all", () => {
  assertEquals(read("exec", "c1", "ls", "-la", "--all").args, ["c1", "ls", "-la", "--all"]);
  assertEquals(read("exec", "c1", "--", "-x").args, ["c1", "-x"]);
  const typed = read("exec", "-T", "c1", "--env", "A=b", "--", "env", "-T");
  assertEquals(typed.args, ["c1", "env", "-T"]);
  assertEquals([typed.list("env"), typed.has("force-noninteractive")], [["A=b"], true]);
});

Deno.test("parse() knows aliases at every level", () => {
  assertEquals(read("ls").command.path, "list");
  assertEquals(read("rm", "c1").command.path, "delete");
  assertEquals(read("config", "device", "rm", "c1", "d").command.path, "config device remove");
  assertEquals(read("unpause", "c1").command.path, "resume");
});

Deno.test("parse() takes global flags before the command", () => {
  assertEquals(read("--project", "p", "list").text("project"), "p");
  assertEquals(read("--force-local", "image", "list").has("force-local"), true);
});

Deno.test("parse() shows help for --help anywhere before --, for no words and for a group", () => {
  assertEquals(parse([], grammar), { kind: "help", topic: "" });
  assertEquals(parse(["launch", "--help"], grammar), { kind: "help", topic: "launch" });
  assertEquals(parse(["-h", "rm"], grammar), { kind: "help", topic: "delete" });
  assertEquals(parse(["config", "device"], grammar), { kind: "help", topic: "config device" });
  assertEquals(parse(["exec", "c1", "--", "ls", "--help"], grammar).kind, "command");
});

Deno.test("parse() shows the version for --version", () => {
  assertEquals(parse(["--version"], grammar), { kind: "version" });
});

Deno.test("parse() has defaults for flags, and numbers for those that count", () => {
  assertEquals(read("list").text("format"), "table");
  assertEquals(read("stop", "c1").integer("timeout"), -1);
  assertEquals(read("stop", "c1", "--timeout", "-1").integer("timeout"), -1);
  assertEquals(read("exec", "c1", "ls").integer("user"), undefined);
});

Deno.test("parse() gives a flag that may stand alone a value behind an equals sign only", () => {
  const given = (...argv: string[]) => {
    const { args, text, has } = read(...argv);
    return [args.join(), has("console"), text("console")];
  };
  assertEquals(given("start", "--console", "v1"), ["v1", true, "console"]);
  assertEquals(given("start", "--console=vga", "v1"), ["v1", true, "vga"]);
  assertEquals(given("start", "v1"), ["v1", false, undefined]);
});

Deno.test("parse() names what is wrong, the likely word and the page to read", () => {
  const cases: [string, string][] = [
    ["lauhc debian:12", 'Unknown command "lauhc". Did you mean "launch"? See: drey --help'],
    ["image lst", 'Unknown command "image lst". Did you mean "image list"? See: drey image --help'],
    ["list --fromat=x", 'Unknown flag "--fromat". Did you mean "--format"? See: drey list --help'],
    ["list -Z", 'Unknown flag "-Z". See: drey list --help'],
    ["exec c1 -e A=b env", 'Unknown flag "-e". Did you mean "--env"? See: drey exec --help'],
    ["--projct p list", 'Unknown flag "--projct". Did you mean "--project"? See: drey --help'],
    [
      "list -f jsn",
      'Flag "--format" does not know "jsn"; it takes table, json, yaml, csv, compact. Did you mean "json"? See: drey list --help',
    ],
    ["stop c1 --timeout", 'Flag "--timeout" needs a value <seconds>. See: drey stop --help'],
    ["stop c1 --timeout=x", 'Flag "--timeout" needs a whole number, not "x". See: drey stop --help'],
    [
      "start v1 --console=vgs",
      'Flag "--console" does not know "vgs"; it takes console, vga. Did you mean "vga"? See: drey start --help',
    ],
    ["stop c1 --force=no", 'Flag "--force" takes no value. See: drey stop --help'],
    ["rename c1", '"drey rename" needs <new-name>. See: drey rename --help'],
    ["rename c1 c2 c3", '"drey rename" has no use for "c3". See: drey rename --help'],
  ];
  for (const [line, expected] of cases) assertEquals(refusal(...line.split(" ")), expected);
});

Deno.test("a handler that asks for a flag its row lacks is a bug, not a missing value", () => {
  assertThrows(() => read("list").text("nothing"), Error, 'no flag "nothing"');
});
