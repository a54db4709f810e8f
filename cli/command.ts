// What a row of the table of commands is made of. Parsing, help, completion and the manual read the same rows.

import type { Shell } from "./shell.ts";

export interface Flag {
  /** long name without dashes */
  name: string;
  /** one letter */
  short?: string;
  /** what it takes, a noun for help; a flag without it is on or off */
  value?: string;
  /** what the flag means without a value, if it needs none: one that is given stands behind an equals sign */
  alone?: string;
  /** may be given more than once; every value counts */
  isList?: boolean;
  /** the value must be a whole number */
  isInteger?: boolean;
  /** the only values allowed */
  choices?: readonly string[];
  /** used when the flag is not given */
  default?: string;
  /** one line for help, without a final period */
  summary: string;
}

/** What a positional argument names; completion asks the server for it. */
export type ArgKind =
  | "instance"
  | "image"
  | "alias"
  | "profile"
  | "project"
  | "pool"
  | "network"
  | "operation"
  | "remote"
  | "device"
  | "snapshot"
  | "volume"
  | "device-type"
  | "path"
  | "key"
  | "file"
  | "command"
  | "text";

export interface Arg {
  /** shown between angle brackets */
  name: string;
  kind: ArgKind;
  /** may carry `remote:` in front */
  remote?: boolean;
  optional?: boolean;
  /** takes all that follow */
  many?: boolean;
}

export interface Example {
  /** without the leading `drey` */
  line: string;
  about: string;
}

export type Handler = (shell: Shell) => Promise<number | void>;

export interface Command {
  /** words that start it, `config device add` */
  path: string;
  /** other last words that mean the same: `rm` for `delete` */
  aliases?: readonly string[];
  /** aliases that work and are not shown */
  hiddenAliases?: readonly string[];
  args: readonly Arg[];
  flags: readonly Flag[];
  /** one line, imperative, without a final period */
  summary: string;
  /** further lines of help */
  about?: string;
  examples: readonly Example[];
  /** flags end where the command to run in the instance begins */
  endsFlags?: boolean;
  isHidden?: boolean;
  /** loads the code; nothing of it is loaded for help */
  load(): Promise<Handler>;
}

/** A first word with commands below it. */
export interface Group {
  path: string;
  summary: string;
}

/** The groups and commands directly below a group, or below the whole program (an empty path). */
export function below(
  path: string,
  { commands, groups }: { commands: readonly Command[]; groups: readonly Group[] },
): (Group | Command)[] {
  const prefix = path === "" ? "" : `${path} `;
  return [...groups, ...commands.filter(({ isHidden }) => !isHidden)]
    .filter((row) => row.path.startsWith(prefix) && !row.path.slice(prefix.length).includes(" "))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The last word of a path. */
export const lastWord = ({ path }: Group): string => path.slice(path.lastIndexOf(" ") + 1);

/** Flags every command takes. */
export const globalFlags: readonly Flag[] = [
  { name: "help", short: "h", summary: "Show help for the command" },
  { name: "project", value: "project", summary: "Project to work in" },
  { name: "force-local", summary: "Work in this process even if a server is listening" },
  { name: "quiet", short: "q", summary: "Do not show progress" },
  { name: "debug", summary: "Show requests, and stack traces of errors" },
  { name: "version", summary: "Show the version of drey" },
];

/** How an argument is written in a usage line: `[<remote>:]<instance>`, `[<name>...]`. */
function argText({ name, kind, remote, optional, many }: Arg): string {
  const isRemoteOnly = remote && name === "remote";
  const text = isRemoteOnly ? "<remote>:" : `${remote ? "[<remote>:]" : ""}<${name}>`;
  const repeated = many && kind !== "command" ? `${text}...` : text;
  return optional ? `[${repeated}]` : repeated;
}

/** The usage line of a command, without `drey`. */
export function usage({ path, args, flags, endsFlags }: Command): string {
  const words = args.map(argText);
  const shown = flags.length === 0 ? [] : ["[flags]"];
  if (endsFlags) return [path, words[0], ...shown, "[--]", ...words.slice(1)].join(" ");
  return [path, ...words, ...shown].join(" ");
}
