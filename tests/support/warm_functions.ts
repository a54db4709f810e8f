// Compiles in advance what most commands run. V8 compiles a function when it is first called, at each start anew; what
// stands between parentheses it compiles with the file, and Deno keeps that from the first start on. warm.json says
// which functions are worth it, and for which commands: all of them would take longer to load than to compile.

import { type FunctionSpan, functionSpans } from "./function_spans.ts";

/**
 * Names of functions by the first words of the commands that run them, separated by blanks, by their module's path: see
 * {@link FunctionSpan.name}.
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

/** Marks the functions of an unminified bundle that are to be compiled in advance, and puts them by themselves. */
export function markWarm(bundle: string, warm: Warm): { functions: string; rest: string } {
  const words = warmWords(warm);
  const functions: string[] = [];
  /** one module after another, each begins with its path */
  const rest = modulesOf(bundle).map(({ module, start, end }) => {
    const text = bundle.slice(start, end);
    const spans = functionSpans(text);
    const write = (from: number, to: number, within: readonly FunctionSpan[]): string => {
      let done = "";
      let at = from;
      for (const span of within) {
        if (span.start < from || span.end > to) continue;
        done += text.slice(at, span.start);
        const bits = bitsOf(warm[span.module ?? module], span.name, words);
        const inside = (from: number, to: number) => write(from, to, span.within);
        if (bits === 0) done += inside(span.start, span.end);
        else if (span.isDeclared) functions.push(span.write(mark(bits), inside));
        else done += span.write(mark(bits), inside);
        at = span.end;
      }
      return done + text.slice(at, to);
    };
    return write(0, text.length, spans);
  });
  return { functions: functions.join("\n"), rest: rest.join("") };
}

/** 0 for a function that no command runs. */
function bitsOf(rows: Warm[string] = {}, name: string, words: readonly string[]): number {
  const found = Object.entries(rows).filter(([, names]) => names.includes(name));
  const callers = new Set(found.flatMap(([row]) => row.split(" ")));
  return words.reduce((bits, word, at) => callers.has(word) ? bits | 1 << at : bits, 0);
}

/** The modules of an unminified bundle: the path that a line before each tells, and where it begins and ends. */
function modulesOf(bundle: string): { module: string; start: number; end: number }[] {
  const titles = [...bundle.matchAll(/^\/\/ ([\w./@-]+\.\w+)$/gm)];
  const starts = [
    { module: "", start: 0 },
    ...titles.map(({ 1: module = "", index: start }) => ({ module, start })),
  ];
  return starts.map(({ module, start }, at) => ({
    module,
    start,
    end: starts[at + 1]?.start ?? bundle.length,
  }));
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
  for (const { module, start, end } of modulesOf(bundle)) {
    const note = (span: FunctionSpan): void => {
      // what is around a function was compiled too
      if (!compiled.has(start + span.at)) return;
      (warm[span.module ?? module] ??= []).push(span.name);
      span.within.forEach(note);
    };
    functionSpans(bundle.slice(start, end)).forEach(note);
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
