// What a person's own words stand for: argv in, argv out. As LXD's client has it, an alias is replaced once and comes
// before the commands of drey, so that `delete` may mean `delete --interactive`.

import { DreyError } from "../errors.ts";

/**
 * Replaces an alias at the beginning of a command line, after its flags. `@ARGS@` in its target is all that was typed
 * behind it, `@ARG1@` the first word of that; what the target does not ask for is added at its end.
 *
 * @param aliases target by alias; an alias may have several words
 * @returns a command line, or that of another program if it begins with a slash
 */
export function expand(
  argv: readonly string[],
  aliases: Readonly<Record<string, string>>,
): readonly string[] {
  const at = argv.findIndex((word) => !word.startsWith("-"));
  const typed = at === -1 ? [] : argv.slice(at);
  // the way back, whatever was made an alias
  if (typed[0] === "alias") return argv;
  const found = Object.entries(aliases)
    .map(([alias, target]) => ({ words: alias.split(/\s+/), target }))
    .filter(({ words }) => words.every((word, place) => typed[place] === word))
    .sort((a, b) => b.words.length - a.words.length)[0];
  if (found === undefined) return argv;
  const words = fillIn(splitWords(found.target), typed.slice(found.words.length));
  return words[0]?.startsWith("/") ? words : [...argv.slice(0, at), ...words];
}

/** Arguments in the places a target has for them. */
function fillIn(target: readonly string[], args: readonly string[]): string[] {
  const numbered = new Set<number>();
  const filled = target.map((word) =>
    word === "@ARGS@" ? word : word.replace(/@ARG([1-9]\d*)@/g, (_, digits) => {
      const place = Number(digits) - 1;
      numbered.add(place);
      const arg = args[place];
      if (arg !== undefined) return arg;
      throw bad(`The alias needs at least ${digits} arguments, but has ${args.length}`);
    })
  );
  const others = args.filter((_, place) => !numbered.has(place));
  if (!target.includes("@ARGS@")) return [...filled, ...others];
  return filled.flatMap((word, at) => target[at] === "@ARGS@" ? others : [word]);
}

/**
 * Words as a shell parts them: by blanks, but for what stands between quotes or behind a backslash.
 *
 * @throws {DreyError} `BAD_REQUEST` for a quote without an end
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  // a piece is what a backslash hides, what quotes hold, or what has neither
  const piece = /\\([^])|'([^']*)'|"((?:\\[^]|[^"\\])*)"|([^\s'"\\]+)|(\s+)|([^])/g;
  let word: string | undefined;
  for (const [whole, hidden, single, double, plain, blank] of text.matchAll(piece)) {
    if (blank !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const part = hidden ?? single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? plain;
    if (part === undefined) throw bad(`Cannot read "${text}": what begins at ${whole} has no end`);
    word = (word ?? "") + part;
  }
  return word === undefined ? words : [...words, word];
}

/** Runs the program that an alias stands for. @returns its exit status */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const { spawn } = await import("../sys/run.ts");
  const child = spawn(argv, { stdin: "inherit", stdout: "inherit", stderr: "inherit" });
  return (await child.status).code;
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
