import { assertEquals, assertThrows } from "@std/testing";
import { describeError, type DreyError } from "../errors.ts";
import { commands, groups } from "./commands.ts";
import { habit, habits } from "./habits.ts";
import { parse } from "./parse.ts";

const grammar = { commands, groups };

const refused = (...argv: string[]): string => {
  const error = assertThrows(() => parse(argv, grammar)) as DreyError;
  return describeError(habit(argv, error) ?? error);
};

Deno.test("words of Podman, Docker and Incus are refused with the command to use", () => {
  const lines = {
    "ps -a": 'Unknown command "ps". Use: drey list',
    "run -it debian": 'Unknown command "run". Use: drey launch <image> <name>',
    "volume ls": 'Unknown command "volume". Use: drey storage volume',
    "snapshot create web s1": '"drey snapshot" has no use for "s1". Use: drey snapshot <instance> <snapshot>',
    "admin init": 'Unknown command "admin". There is nothing to set up. Use: drey doctor',
    "exec -it web bash":
      'Unknown flag "-i". Input is passed on, and a terminal is used where there is one. Use: drey exec <instance> -- <command>',
    "launch --name web debian:12": 'Unknown flag "--name". Use: drey launch <image> <name>',
  };
  for (const [line, expected] of Object.entries(lines)) assertEquals(refused(...line.split(" ")), expected);
  assertEquals(refused("exec", "--nme", "ps"), 'Unknown flag "--nme". See: drey exec --help');
});

Deno.test("what to use in place of a habit is there, and the habit is not", () => {
  for (const { words, use } of habits) {
    const replacement = use.replace(/<number>/, "1").split(" ");
    parse(replacement, grammar);
    // of a snapshot's name in place of an instance nobody can tell before it is looked for
    const line = words.startsWith("snapshot ") ? `${words} web s1` : words;
    assertThrows(() => parse(line.split(" "), grammar), Error, undefined, words);
  }
});
