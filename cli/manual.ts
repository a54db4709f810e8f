// The manual: a page for the program, for each group of commands and for each command, made from the table like help.

import { below, type Command, type Flag, globalFlags, type Group, usage } from "./command.ts";
import { help, shownValue } from "./help.ts";
import type { Grammar } from "./parse.ts";

export interface Page {
  /** of the file */
  name: string;
  text: string;
}

export type PageFormat = "man" | "md";

/** Every page, for man(1) or in Markdown. */
export function manual(
  grammar: Grammar,
  { format, version }: { format: PageFormat; version: string },
): Page[] {
  const topics = [...grammar.groups, ...grammar.commands.filter(({ isHidden }) => !isHidden)];
  return [{ path: "", summary: "System containers and virtual machines without root" }, ...topics].map(
    (topic) => {
      const title = ["drey", ...topic.path.split(" ")].filter((word) => word !== "").join("-");
      if (format === "man") return { name: `${title}.1`, text: manPage(topic, { title, version, grammar }) };
      const heading = title.replaceAll("-", " ");
      return { name: `${title}.md`, text: `# ${heading}\n\n\`\`\`\n${help(topic.path, grammar)}\`\`\`\n` };
    },
  );
}

interface Setting {
  title: string;
  version: string;
  grammar: Grammar;
}

/** A page in the language of man(7). */
function manPage(topic: Command | Group, { title, version, grammar }: Setting): string {
  const head = [`.TH ${title.toUpperCase()} 1 "" "drey ${version}" "drey"`, ".SH NAME"];
  const body = "args" in topic ? commandPage(topic) : groupPage(topic, grammar);
  return `${[...head, `${escaped(title)} \\- ${escaped(topic.summary)}`, ...body].join("\n")}\n`;
}

function commandPage(command: Command): string[] {
  const { path, about, examples, flags, aliases = [] } = command;
  const others = aliases.map((alias) => [...path.split(" ").slice(0, -1), alias].join(" "));
  return [
    ".SH SYNOPSIS",
    escaped(`drey ${usage(command)}`),
    ".SH DESCRIPTION",
    `${escaped(command.summary)}.`,
    ...(about === undefined ? [] : [".PP", ".nf", ...about.split("\n").map(escaped), ".fi"]),
    ...(others.length === 0 ? [] : [".PP", escaped(`Also: drey ${others.join(", drey ")}`)]),
    ...(flags.length === 0 ? [] : [".SH OPTIONS", ...flags.flatMap(flagLines)]),
    ".SH GLOBAL OPTIONS",
    ...globalFlags.flatMap(flagLines),
    ".SH EXAMPLES",
    ...examples.flatMap(({ line, about }) => entry(`drey ${line}`, about)),
  ];
}

function groupPage({ path }: Group, grammar: Grammar): string[] {
  return [
    ".SH SYNOPSIS",
    escaped(`drey ${path === "" ? "" : `${path} `}<command> [flags]`),
    ".SH COMMANDS",
    ...below(path, grammar).flatMap((row) => entry(`drey ${row.path}`, row.summary)),
    ...(path === "" ? [".SH GLOBAL OPTIONS", ...globalFlags.flatMap(flagLines)] : []),
  ];
}

function flagLines(flag: Flag): string[] {
  const { name, short, summary } = flag;
  return entry(`${short === undefined ? "" : `-${short}, `}--${name}${shownValue(flag)}`, summary);
}

const entry = (term: string, text: string) => [".TP", `\\fB${escaped(term)}\\fR`, escaped(text)];

/** A line of text that man(7) takes for nothing else. */
const escaped = (line: string) =>
  line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/, "\\&");
