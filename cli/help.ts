// Help texts, made from the table of commands.

import { below, type Command, type Flag, globalFlags, type Group, lastWord, usage } from "./command.ts";
import type { Grammar } from "./parse.ts";

/** The page for a command, for a group of commands, or for the whole program (an empty topic). */
export function help(topic: string, grammar: Grammar): string {
  const command = grammar.commands.find(({ path }) => path === topic);
  if (command !== undefined) return commandPage(command);
  return topic === "" ? programPage(grammar) : groupPage(topic, grammar);
}

function programPage(grammar: Grammar): string {
  return page([
    ["", ["drey runs system containers and virtual machines without root."]],
    ["Usage", ["drey <command> [flags]"]],
    ["Commands", listing(below("", grammar))],
    [
      "Examples",
      examples([
        { line: "launch debian:12 web", about: "Create a Debian 12 container and start it" },
        { line: "exec web -- cat /etc/os-release", about: "Run a command in it" },
        { line: "list", about: "List instances" },
        { line: "delete -f web", about: "Stop it and delete it" },
      ]),
    ],
    ["Global flags", flagLines(globalFlags)],
    ["", ['Use "drey help <command>" for more about a command.']],
  ]);
}

function groupPage(topic: string, grammar: Grammar): string {
  const group = grammar.groups.find(({ path }) => path === topic);
  const within = grammar.commands.filter(({ path }) => path.startsWith(`${topic} `));
  const direct = within.filter(({ path }) => !path.slice(topic.length + 1).includes(" "));
  const shown = [...new Set([...direct, ...within])].slice(0, 3);
  return page([
    ["", [`${group?.summary ?? topic}.`]],
    ["Usage", [`drey ${topic} <command> [flags]`]],
    ["Commands", listing(below(topic, grammar))],
    ["Examples", examples(shown.flatMap((command) => command.examples.slice(0, 1)))],
    ["", [`Use "drey help ${topic} <command>" for more about a command.`]],
  ]);
}

function commandPage(command: Command): string {
  return page([
    ["", [`${command.summary}.`]],
    ["Usage", [`drey ${usage(command)}`]],
    ["Aliases", (command.aliases ?? []).map((alias) => aliasPath(command, alias))],
    ["", command.about?.split("\n") ?? []],
    ["Examples", examples(command.examples)],
    ["Flags", flagLines(command.flags)],
    ["Global flags", flagLines(globalFlags)],
  ]);
}

const aliasPath = ({ path }: Command, alias: string) => [...path.split(" ").slice(0, -1), alias].join(" ");

const listing = (rows: readonly Group[]) => aligned(rows.map((row) => [lastWord(row), row.summary]));

const examples = (rows: Command["examples"]) =>
  rows.flatMap(({ line, about }) => [`drey ${line}`, `    ${about}`]);

/** What a flag takes, as people are shown it behind its name. */
export const shownValue = ({ value, alone }: Flag): string =>
  value === undefined ? "" : alone === undefined ? ` <${value}>` : `[=<${value}>]`;

const flagLines = (flags: readonly Flag[]) =>
  aligned(flags.map((flag) => [
    `${flag.short ? `-${flag.short}, ` : "    "}--${flag.name}${shownValue(flag)}${flag.isList ? "..." : ""}`,
    flag.summary,
  ]));

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}

/** Sections with a title are indented below it; empty ones are left out. */
function page(sections: readonly [string, readonly string[]][]): string {
  return sections.filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) =>
      title === ""
        ? lines.map((line) => `${line}\n`).join("")
        : `${title}:\n${lines.map((line) => `  ${line}`.trimEnd() + "\n").join("")}`
    ).join("\n");
}
