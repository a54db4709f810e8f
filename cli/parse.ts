// From argv to what was typed: which command, its arguments and flags. Knows the table, not what commands do.

import { DreyError } from "../errors.ts";
import { below, type Command, type Flag, globalFlags, type Group, lastWord } from "./command.ts";
import { nearest } from "../config/nearest.ts";

/** What was typed after the command's words. */
export interface Typed {
  command: Command;
  args: string[];
  /** the value of a flag: what was given last, else its default */
  text(flag: string): string | undefined;
  /** every value of a flag that may repeat */
  list(flag: string): string[];
  /** the value of a flag that takes a whole number */
  integer(flag: string): number | undefined;
  /** whether a flag without a value was given */
  has(flag: string): boolean;
}

export type Parsed =
  | { kind: "command"; typed: Typed }
  /** help for a command, a group, or the whole program (an empty topic) */
  | { kind: "help"; topic: string }
  | { kind: "version" };

export interface Grammar {
  commands: readonly Command[];
  groups: readonly Group[];
}

/**
 * Reads what was typed.
 *
 * @throws {DreyError} `BAD_REQUEST` naming what is wrong, with where to read on as the hint
 */
export function parse(argv: readonly string[], grammar: Grammar): Parsed {
  const found = findCommand(argv, grammar);
  if (found.command === undefined) {
    if (found.isVersion) return { kind: "version" };
    return { kind: "help", topic: found.topic };
  }
  const command = found.command;
  const { args, values } = readWords(found.rest, command);
  if (values.has("help")) return { kind: "help", topic: command.path };
  if (values.has("version")) return { kind: "version" };
  checkCount(args, command);
  return { kind: "command", typed: typed(command, args, values) };
}

interface Found {
  command: Command | undefined;
  topic: string;
  rest: string[];
  isVersion: boolean;
}

// Global flags may stand before and between the command's words; they are handed on with the rest.
function findCommand(argv: readonly string[], grammar: Grammar): Found {
  const words: string[] = [];
  const before: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word.startsWith("-") && word !== "-") {
      if (findFlag(globalFlags, word) === undefined) throw unknownFlag(word, globalFlags, words.join(" "));
      before.push(word);
      if (takesNext(word)) before.push(...argv.slice(++at, at + 1));
      continue;
    }
    const path = knownPath([...words, word], grammar);
    if (path === undefined) throw unknownWord(words, word, grammar);
    words.splice(0, words.length, ...path.split(" "));
    const command = grammar.commands.find((row) => row.path === path);
    if (command !== undefined) {
      return {
        isVersion: before.includes("--version"),
        command,
        topic: path,
        rest: [...before, ...argv.slice(at + 1)],
      };
    }
  }
  return {
    isVersion: before.includes("--version"),
    command: undefined,
    topic: words.join(" "),
    rest: before,
  };
}

function takesNext(word: string): boolean {
  return !word.includes("=") && findFlag(globalFlags, word)?.value !== undefined;
}

const findFlag = (flags: readonly Flag[], word: string) => {
  const name = word.replace(/^--?/, "").split("=")[0];
  return flags.find((flag) => word.startsWith("--") ? flag.name === name : flag.short === name);
};

/** The canonical path of words that may use aliases: `config device rm` is `config device remove`. */
export function knownPath(words: readonly string[], { commands, groups }: Grammar): string | undefined {
  const path = words.join(" ");
  const parent = words.slice(0, -1).join(" ");
  const last = words.at(-1) as string;
  if (groups.some((group) => group.path === path)) return path;
  const row = commands.find((command) => command.path === path) ?? commands.find((command) => {
    if (command.path.split(" ").slice(0, -1).join(" ") !== parent) return false;
    return command.aliases?.includes(last) || command.hiddenAliases?.includes(last);
  });
  return row?.path;
}

function unknownWord(before: readonly string[], word: string, grammar: Grammar): DreyError {
  const prefix = before.length === 0 ? "" : `${before.join(" ")} `;
  const guess = nearest(word, below(before.join(" "), grammar).map(lastWord));
  const name = `${prefix}${word}`;
  return new DreyError("BAD_REQUEST", {
    message: `Unknown command "${name}"`,
    hint: hint(`${prefix}--help`, guess && `${prefix}${guess}`),
  });
}

type Values = Map<string, string[]>;

function readWords(words: readonly string[], command: Command): { args: string[]; values: Values } {
  const flags = [...command.flags, ...globalFlags];
  const args: string[] = [];
  const values: Values = new Map();
  const rest = [...words];
  const give = (flag: Flag, value: string) => {
    checkValue(flag, value, command);
    values.set(flag.name, [...(flag.isList ? values.get(flag.name) ?? [] : []), value]);
  };
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (word === "--") return { args: [...args, ...rest], values };
    if (!word.startsWith("-") || word === "-") {
      args.push(word);
      // the words of a command to run belong to it, whatever they look like
      if (command.endsFlags && args.length === command.args.length) {
        return { args: [...args, ...rest], values };
      }
      continue;
    }
    for (const { flag, value } of readFlag(word, { flags, command, rest })) give(flag, value);
  }
  return { args, values };
}

interface Reading {
  flags: readonly Flag[];
  command: Command;
  /** words not read yet; a flag's value is taken from its front */
  rest: string[];
}

// `--flag`, `--flag value`, `--flag=value`, `-f`, `-f value`, `-fvalue`, `-f=value`, `-fq`
function* readFlag(word: string, reading: Reading): Generator<{ flag: Flag; value: string }> {
  if (word.startsWith("--")) {
    const [name = "", ...parts] = word.slice(2).split("=");
    const flag = reading.flags.find((row) => row.name === name);
    if (flag === undefined) throw unknownFlag(`--${name}`, reading.flags, reading.command.path);
    const inline = parts.length === 0 ? undefined : parts.join("=");
    yield { flag, value: valueOf(flag, `--${name}`, inline, reading) };
    return;
  }
  for (let letters = word.slice(1); letters !== "";) {
    const flag = reading.flags.find((row) => row.short === letters[0]);
    if (flag === undefined) throw unknownFlag(`-${letters[0]}`, reading.flags, reading.command.path);
    const after = letters.slice(1);
    if (flag.value === undefined) {
      yield { flag, value: "true" };
      letters = after;
      continue;
    }
    const inline = after === "" ? undefined : after.replace(/^=/, "");
    yield { flag, value: valueOf(flag, `-${letters[0]}`, inline, reading) };
    return;
  }
}

function valueOf(flag: Flag, written: string, inline: string | undefined, reading: Reading): string {
  if (flag.value === undefined) {
    if (inline === undefined || inline === "true") return "true";
    throw wrong(`Flag "${written}" takes no value`, reading.command);
  }
  const value = inline ?? flag.alone ?? reading.rest.shift();
  if (value === undefined) throw wrong(`Flag "${written}" needs a value <${flag.value}>`, reading.command);
  return value;
}

function checkValue(flag: Flag, value: string, command: Command): void {
  if (flag.isInteger && !/^-?\d+$/.test(value)) {
    throw wrong(`Flag "--${flag.name}" needs a whole number, not "${value}"`, command);
  }
  if (flag.choices === undefined || flag.choices.includes(value)) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Flag "--${flag.name}" does not know "${value}"; it takes ${flag.choices.join(", ")}`,
    hint: hint(`${command.path} --help`, nearest(value, flag.choices)),
  });
}

function checkCount(args: readonly string[], command: Command): void {
  const least = command.args.filter((arg) => !arg.optional).length;
  const isOpen = command.args.some((arg) => arg.many);
  if (args.length < least) {
    const missing = command.args[args.length];
    throw wrong(`"drey ${command.path}" needs <${missing?.name}>`, command);
  }
  if (!isOpen && args.length > command.args.length) {
    throw wrong(`"drey ${command.path}" has no use for "${args[command.args.length]}"`, command);
  }
}

function unknownFlag(written: string, flags: readonly Flag[], path: string): DreyError {
  const isLong = written.startsWith("--");
  const names = flags.map((flag) => flag.name);
  const guess = isLong
    ? nearest(written.slice(2).split("=")[0] ?? "", names)
    : names.find((name) => name.startsWith(written.slice(1)));
  return new DreyError("BAD_REQUEST", {
    message: `Unknown flag "${written.split("=")[0]}"`,
    hint: hint(path === "" ? "--help" : `${path} --help`, guess && `--${guess}`),
  });
}

const hint = (page: string, guess: string | undefined) =>
  `${guess === undefined ? "" : `Did you mean "${guess}"? `}See: drey ${page}`;

const wrong = (message: string, command: Command) =>
  new DreyError("BAD_REQUEST", { message, hint: `See: drey ${command.path} --help` });

function typed(command: Command, args: string[], values: Values): Typed {
  const find = (name: string) => {
    const flag = [...command.flags, ...globalFlags].find((row) => row.name === name);
    if (flag === undefined) throw new Error(`The row of "${command.path}" has no flag "${name}"`);
    return flag;
  };
  const text = (name: string) => values.get(find(name).name)?.at(-1) ?? find(name).default;
  return {
    command,
    args,
    text,
    list: (name) => values.get(find(name).name) ?? [],
    integer: (name) => text(name) === undefined ? undefined : Number(text(name)),
    has: (name) => values.has(find(name).name),
  };
}
