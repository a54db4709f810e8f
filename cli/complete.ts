// Which words may come next on a half-typed command line. Pure: what only a server knows is named, not asked.

import { type ArgKind, below, type Command, globalFlags, lastWord } from "./command.ts";
import { type Grammar, knownPath } from "./parse.ts";

/** Kinds of names that somebody has to be asked for. */
const askable = [
  "instance",
  "image",
  "alias",
  "profile",
  "project",
  "pool",
  "network",
  "operation",
  "remote",
  "device-type",
  "path",
] as const satisfies readonly ArgKind[];

export type Wanted = typeof askable[number];

/** An instance or a profile with its devices, an instance with its snapshots, a pool with its custom volumes. */
export type Owner = { kind: "instance" | "profile" | "snapshots" | "volumes"; name: string };

export interface Candidates {
  words: string[];
  wanted?: Wanted;
  /** what has the names that are wanted */
  owner?: Owner;
  /** device type whose keys may come */
  deviceType?: string;
  /** configuration keys of this, by LXD's word for it: `instance`, `storage-pool` */
  keysOf?: string;
}

/** What the keys in the arguments of a command configure, by the beginning of its path. */
const configured: readonly (readonly [string, string])[] = [
  ["config device ", ""],
  ["config ", "instance"],
  ["profile device ", ""],
  ["profile ", "instance"],
  ["project ", "project"],
  ["storage volume ", "storage-volume"],
  ["storage ", "storage-pool"],
  ...["acl", "zone", "forward", "load-balancer"].map((noun) => [`network ${noun} `, ""] as const),
  ["network ", "network"],
];

/** What fits after `words`, the last of which is still being typed. */
export function candidates(words: readonly string[], grammar: Grammar): Candidates {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const { command, path, rest } = findCommand(before, grammar);
  if (command === undefined) {
    return {
      words: rest.length > 0 ? [] : current.startsWith("-") ? flagWords([]) : wordsBelow(path, grammar),
    };
  }
  if (command.path === "help") return { words: wordsBelow(rest.join(" "), grammar) };
  if (command.path === "completion") return { words: ["bash", "zsh", "fish"] };
  const awaited = awaitedFlag(rest, command);
  if (awaited !== undefined) {
    return awaited.name === "profile" || awaited.name === "project"
      ? { words: [], wanted: awaited.name }
      : { words: [...awaited.choices ?? []] };
  }
  if (current.startsWith("-")) return { words: flagWords(command.flags) };
  const given = givenArgs(rest, command);
  const arg = command.args[given.length] ?? (command.args.at(-1)?.many ? command.args.at(-1) : undefined);
  if (arg?.kind === "key") {
    const deviceType = given[command.args.findIndex(({ kind }) => kind === "device-type")];
    return { words: [], keysOf: keysOf(command.path), ...deviceType && { deviceType } };
  }
  if (arg?.kind === "device") {
    // one that is added has a name of its own
    if (command.path.endsWith(" add")) return { words: [] };
    const kind = command.path.startsWith("profile ") ? "profile" : "instance";
    return { words: [], owner: { kind, name: given[0] ?? "" } };
  }
  if (arg?.kind === "snapshot" || arg?.kind === "volume") {
    const isNew = command.path.endsWith(" create");
    return { words: [], ...!isNew && { owner: { kind: `${arg.kind}s` as const, name: given[0] ?? "" } } };
  }
  const wanted = askable.find((kind) => kind === arg?.kind);
  // without an instance, config get and its like mean the server
  const isServers = arg?.optional === true && command.args.some(({ kind }) => kind === "key");
  return {
    words: [],
    ...(wanted === undefined ? {} : { wanted }),
    ...(wanted === "instance" && isServers ? { keysOf: "server" } : {}),
  };
}

const keysOf = (path: string) => configured.find(([beginning]) => path.startsWith(beginning))?.[1] ?? "";

function findCommand(words: readonly string[], grammar: Grammar) {
  let path = "";
  for (const [at, word] of words.entries()) {
    const next = knownPath(path === "" ? [word] : [...path.split(" "), word], grammar);
    if (next === undefined) return { command: undefined, path, rest: words.slice(at) };
    const command = grammar.commands.find((row) => row.path === next);
    if (command !== undefined) return { command, path: next, rest: words.slice(at + 1) };
    path = next;
  }
  return { command: undefined, path, rest: [] };
}

const wordsBelow = (path: string, grammar: Grammar): string[] => below(path, grammar).map(lastWord);

const flagWords = (flags: Command["flags"]) => [...flags, ...globalFlags].map(({ name }) => `--${name}`);

function awaitedFlag(rest: readonly string[], { flags }: Command) {
  const last = rest.at(-1);
  if (last === undefined || !last.startsWith("-") || last.includes("=")) return undefined;
  return [...flags, ...globalFlags].find(({ name, short, value, alone }) =>
    value !== undefined && alone === undefined && (last === `--${name}` || last === `-${short}`)
  );
}

/** The words that are arguments, and neither flags nor values of flags. */
function givenArgs(rest: readonly string[], { flags }: Command): string[] {
  const takesValue = (word: string) => awaitedFlag([word], { flags } as Command) !== undefined;
  return rest.filter((word, at) => !word.startsWith("-") && !takesValue(rest[at - 1] ?? ""));
}
