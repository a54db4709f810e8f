// Compiles in advance what most commands run. V8 compiles a function when it is first called, at each start anew; what
// stands between parentheses it compiles with the file, and Deno keeps that from the first start on. warm.json says
// which functions are worth it, and for which commands: all of them would take longer to load than to compile.

/**
 * Names of functions by the first words of the commands that run them, separated by blanks, by their module's path; the
 * body of a module that is loaded lazily is called "".
 */
export type Warm = Record<string, Record<string, readonly string[]>>;

/** The words that functions are compiled for. A bit stands for each, in this order. */
export function warmWords(warm: Warm): string[] {
  const words = Object.values(warm).flatMap((functions) => Object.keys(functions)).flatMap((row) =>
    row.split(" ")
  );
  return [...new Set(words)].toSorted();
}

/** A call that the minifier leaves alone, where it would take plain parentheses away; with the bits of the words. */
const mark = (bits: number) => `__warm${bits}(`;
const marks = /\b__warm(\d+)\(/g;

const header = /^((?:async )?function\*? )([\w$]+)(\(.*\{)$/;
const part = /^ {2}"([^"]+)"\(\) \{$/;

/** The name a function has in its source: the bundler numbers those that several modules use. */
const plain = (name: string) => name.replace(/\d+$/, "");

/** Marks the functions of an unminified bundle that are to be compiled in advance, and puts them by themselves. */
export function markWarm(bundle: string, warm: Warm): { functions: string; rest: string } {
  const words = warmWords(warm);
  /** 0 for a function that no command runs */
  const bitsOf = (module: string, name: string) => {
    const rows = Object.entries(warm[module] ?? {}).filter(([, names]) => names.includes(name));
    const callers = new Set(rows.flatMap(([row]) => row.split(" ")));
    return words.reduce((bits, word, at) => callers.has(word) ? bits | 1 << at : bits, 0);
  };
  const lines = bundle.split("\n");
  const functions: string[] = [];
  const rest: string[] = [];
  let module = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.startsWith("// ")) module = line.slice("// ".length);
    const [, keyword = "", name = "", signature] = header.exec(line) ?? [];
    const [, path = ""] = part.exec(line) ?? [];
    const [bits, partBits] = [bitsOf(module, plain(name)), bitsOf(path, "")];
    if (bits !== 0 && signature !== undefined) {
      const end = lines.indexOf("}", at);
      // a declaration is there before everything else of its file, and so must be what replaces it
      functions.push(`var ${name} = ${mark(bits)}${keyword}${signature}`, ...lines.slice(at + 1, end), "});");
      at = end;
    } else if (partBits !== 0) {
      const end = lines.findIndex((text, index) =>
        index > at && text === "  }" && lines[index + 1] === "});"
      );
      rest.push(`  "${path}": ${mark(partBits)}function() {`, ...lines.slice(at + 1, end), "  })");
      at = end;
    } else rest.push(line);
  }
  return { functions: functions.join("\n"), rest: rest.join("\n") };
}

/**
 * Turns the marks of a minified text into parentheses.
 *
 * @returns the text, and for each of these where it stands and the bits of its words
 */
export function warmMarked(minified: string): { text: string; at: [index: number, bits: number][] } {
  const at: [number, number][] = [];
  let gone = 0;
  const text = minified.replaceAll(marks, (call, bits: string, index: number) => {
    at.push([index - gone, Number(bits)]);
    gone += call.length - 1;
    return "(";
  });
  return { text, at };
}

/** Which functions V8 compiled while it ran an unminified bundle, by the log of `--log-function-events`. */
export function warmOf(bundle: string, log: string, file: string): Record<string, string[]> {
  const compiled = compiledAt(log, file);
  const warm: Record<string, string[]> = {};
  let module = "";
  let start = 0;
  for (const line of bundle.split("\n")) {
    if (line.startsWith("// ")) module = line.slice("// ".length);
    // V8 counts a function from its parameters on
    const parameters = start + line.indexOf("(");
    start += line.length + 1;
    if (!compiled.has(parameters)) continue;
    const [, , name] = header.exec(line) ?? [];
    const [, path] = part.exec(line) ?? [];
    if (name !== undefined) (warm[module] ??= []).push(plain(name));
    else if (path !== undefined) (warm[path] ??= []).push("");
  }
  return warm;
}

/** Where compiled functions of a file begin. */
function compiledAt(log: string, file: string): Set<number> {
  const lines = log.split("\n").map((line) => line.split(","));
  const scripts = lines.filter(([kind, , name]) => kind === "script-details" && name?.endsWith(file));
  const ids = new Set(scripts.map(([, id]) => id));
  const events = lines.filter(([kind, event, id]) =>
    kind === "function" && event === "interpreter" && ids.has(id)
  );
  return new Set(events.map((words) => Number(words[3])));
}
