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
    "container ls":
      'Unknown command "container". Commands for instances stand by themselves, as launch, stop and delete do. Use: drey list',
    "exec --user me web -- id":
      'Flag "--user" needs a whole number, not "me". --user takes the number of a user, su a name. Use: drey exec <instance> -- su -l <user>',
    "launch debian:12 web -e A=b":
      '"drey launch" has no use for "A=b". -e stands for --ephemeral. Use: drey launch <image> <name> -c environment.<key>=<value>',
    "launch debian:12 web sh":
      '"drey launch" has no use for "sh". An instance runs its own init, and commands beside it. Use: drey exec <instance> -- <command>',
    "launch debian:12 web db": '"drey launch" has no use for "db". See: drey launch --help',
  };
  for (const [line, expected] of Object.entries(lines)) assertEquals(refused(...line.split(" ")), expected);
  assertEquals(refused("exec", "--nme", "ps"), 'Unknown flag "--nme". See: drey exec --help');
});

Deno.test("what to use in place of a habit is there, and the habit is not", () => {
  for (const { words, use, refusal } of habits) {
    const replacement = use.replace(/<number>/, "1").split(" ");
    parse(replacement, grammar);
    // such a row is a line's that is right but for one word
    if (refusal !== undefined) continue;
    // of a snapshot's name in place of an instance nobody can tell before it is looked for
    const line = words.startsWith("snapshot ") ? `${words} web s1` : words;
    assertThrows(() => parse(line.split(" "), grammar), Error, undefined, words);
  }
});
