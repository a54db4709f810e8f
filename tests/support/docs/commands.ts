// docs/commands.md: every command, from the rows that help and completion read.

import { type Command, type Flag, globalFlags, usage } from "../../../cli/command.ts";
import { shownValue } from "../../../cli/help.ts";
import { commands } from "../../../cli/commands.ts";
import { code, generated, table } from "./markdown.ts";

/** The reference of the command line. */
export function commandsPage(): string {
  const shown = commands.filter(({ isHidden }) => !isHidden).toSorted((a, b) => a.path < b.path ? -1 : 1);
  return `${generated("the table of commands (`cli/table/`)")}

# Commands

Every command takes these flags:

${flagTable(globalFlags)}

${shown.map(section).join("\n\n")}
`;
}

function section(command: Command): string {
  const { path, aliases = [], summary, about, flags, examples } = command;
  const parts = [
    `## drey ${path}`,
    `${summary}.${about === undefined ? "" : ` ${about}`}`,
    `\`\`\`\ndrey ${usage(command)}\n\`\`\``,
    ...aliases.length > 0 ? [`Also: ${aliases.map(code).join(", ")}.`] : [],
    ...flags.length > 0 ? [flagTable(flags)] : [],
    ...examples.map(({ line, about }) => `- \`drey ${line}\`: ${about}`).length > 0
      ? [examples.map(({ line, about }) => `- \`drey ${line}\`: ${about}`).join("\n")]
      : [],
  ];
  return parts.join("\n\n");
}

function flagTable(flags: readonly Flag[]): string {
  return table(
    ["flag", "what for"],
    flags.map((flag) => [
      code(`${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}${shownValue(flag)}`),
      flag.summary,
    ]),
  );
}
