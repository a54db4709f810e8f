// Cuts a bundle into pieces and puts them together in another order. Deno reads a program whole at each start, with its
// compiled form: 3 ms for a thousand kB of letters, 4 for the functions of two hundred modules. So what no fast command
// enters stands in one function that is not called there, where a module costs no more than its letters; and each fast
// command can have a file of its own with nothing but its pieces, which the first one to run makes (cli/bundle_parts.ts).

import { markWarm, type Warm, warmMarked } from "./warm_functions.ts";

interface Section {
  /** path of its source as the bundler writes it, "" for what precedes the first */
  path: string;
  lines: string[];
}

/** What stands between two marks: the head, functions, stubs and bodies of modules, and what runs last. */
interface Piece {
  kind: "head" | "functions" | "stub" | "body" | "last";
  section: Section;
}

export interface Pieces {
  head: Section;
  /** the modules */
  sections: Section[];
  pieces: Piece[];
  /** everything in one scope, with marks between the pieces, for the shortening to find names for */
  text: string;
}

/** Name of the function that has what is set aside. */
const cold = "__cold";

const title = /^\/\/ ([\w./@-]+\.\w+)$/;
const call = /\b(?:init|require)_[\w$]+(?=\(\))/g;
const declared = /^(?:var )?((?:init|require)_[\w$]+) = /;
/** what the bundler makes of `import("…")`: the module's start, then its exports */
const dynamicImport = /Promise\.resolve\(\)\.then\(\(\) => \((init_[\w$]+)\(\), ([\w$]+)\)\)/g;
const mark = /\b__piece(\d+)\(\);?/g;

/**
 * Cuts an unminified bundle at its modules. What a dynamic import may name is declared in the head, so that a module can
 * come later than whoever asks for it: until then its stub stands there, which gets it.
 */
export function cutApart(bundle: string, warm: Warm): Pieces {
  const sections = sectionsOf(bundle.replaceAll("import.meta.url", "__here"));
  const targets = new Map(
    [...bundle.matchAll(dynamicImport)].map(([, start = "", names = ""]) => [start, names]),
  );
  const movable = [...targets].flat();
  const [first, ...others] = sections.map((section) => ({
    ...section,
    lines: assigned(section.lines, movable),
  }));
  const last = others.at(-1);
  if (first === undefined || last === undefined) throw new Error("The bundle has no modules");
  const pieces: Piece[] = [];
  const texts: string[] = [];
  const put = (kind: Piece["kind"], section: Section, text: string) => {
    texts.push(pieces.length === 0 ? text : `debugger;\n__piece${pieces.length}();\ndebugger;\n${text}`);
    pieces.push({ kind, section });
  };
  const head = ["var __here = import.meta.url;", movable.length === 0 ? "" : `var ${movable.join(", ")};`];
  put("head", first, [...first.lines, ...head].join("\n"));
  const marked = others.map((section) => ({ section, ...markWarm(section.lines.join("\n"), warm) }));
  for (const { section, functions } of marked) if (functions !== "") put("functions", section, functions);
  for (const section of others) {
    const start = startsOf(section).find((name) => targets.has(name));
    if (start === undefined) continue;
    put("stub", section, `${start} = () => (${cold}(${others.indexOf(section)}), ${start}());`);
  }
  for (const { section, rest } of marked) put(section === last ? "last" : "body", section, rest);
  return { head: first, sections: others, pieces, text: texts.join("\n") };
}

/** Declarations of names that are declared in the head become assignments. */
function assigned(lines: readonly string[], names: readonly string[]): string[] {
  const movable = new Set(names);
  return lines.map((line) => {
    const [whole = "", name = ""] = /^var ([\w$]+) = /.exec(line) ?? [];
    return movable.has(name) ? `${name} = ${line.slice(whole.length)}` : line;
  });
}

const startsOf = ({ lines }: Section) => lines.flatMap((line) => declared.exec(line)?.[1] ?? []);
const importsOf = ({ lines }: Section) =>
  [...lines.join("\n").matchAll(dynamicImport)].map(([, start = ""]) => start);

function sectionsOf(bundle: string): Section[] {
  const sections: Section[] = [{ path: "", lines: [] }];
  for (const line of bundle.split("\n")) {
    const [, path] = title.exec(line) ?? [];
    if (path !== undefined) sections.push({ path, lines: [] });
    sections.at(-1)!.lines.push(line);
  }
  return sections;
}

/** The modules that each starts without being asked. */
function startedBy(sections: readonly Section[]): Map<Section, Section[]> {
  const starts = new Map(
    sections.flatMap((section) => startsOf(section).map((name) => [name, section] as const)),
  );
  return new Map(sections.map((section) => {
    const calls = section.lines.join("\n").replaceAll(dynamicImport, "").matchAll(call);
    const started = new Set([...calls].flatMap(([name]) => starts.get(name) ?? []));
    started.delete(section);
    return [section, [...started]];
  }));
}

/** Which pieces a program has that begins with these modules: the last one, and all that they start. */
function chosen({ head, sections, pieces }: Pieces, paths: readonly string[]): Set<Piece> {
  const named = new Set(paths);
  const started = startedBy(sections);
  const hot = new Set([head]);
  const waiting = sections.filter((section, at) => named.has(section.path) || at === sections.length - 1);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (hot.has(next)) continue;
    hot.add(next);
    waiting.push(...started.get(next) ?? []);
  }
  const wanted = new Set([...hot].flatMap(importsOf));
  const isStub = (section: Section) =>
    !hot.has(section) && startsOf(section).some((name) => wanted.has(name));
  return new Set(pieces.filter(({ kind, section }) => kind === "stub" ? isStub(section) : hot.has(section)));
}

/**
 * The program, of its shortened pieces: those that warm modules want first, the others in a function. The last line tells
 * `cli/bundle_parts.ts` where each piece is and which of them the commands begin with.
 *
 * @param shortened `text` of the pieces
 * @param commands `modules` is what any of the fast commands begins with, `entered` the same for each of them by its first
 * word, `words` are those for which functions are marked
 */
export function putTogether(
  whole: Pieces,
  shortened: string,
  { modules, entered, words }: {
    modules: readonly string[];
    entered: Record<string, readonly string[]>;
    words: readonly string[];
  },
): string {
  const cuts = [...shortened.matchAll(mark)].map(([, number]) => Number(number));
  const isWhole = cuts.length === whole.pieces.length - 1 && cuts.every((number, at) => number === at + 1);
  if (!isWhole) throw new Error("The shortening has lost or moved a piece of the bundle");
  const texts = shortened.split(/\b__piece\d+\(\);?/);
  const hot = chosen(whole, modules);
  let program = "";
  const places: [kind: string, module: number, start: number, end: number, ...marks: number[]][] = [];
  const order: Piece[] = [];
  const put = (kinds: readonly Piece["kind"][], isHot: boolean) =>
    whole.pieces.forEach((piece, at) => {
      if (!kinds.includes(piece.kind) || hot.has(piece) !== isHot) return;
      const start = program.length;
      const { text, at: marks } = warmMarked(texts[at]!.trim());
      program += text;
      places.push([
        piece.kind[0]!,
        whole.sections.indexOf(piece.section),
        start,
        program.length,
        ...marks.flat(),
      ]);
      order.push(piece);
      program += "\n";
    });
  put(["head", "functions", "stub"], true);
  program += `function ${cold}() {\n`;
  put(["functions", "body"], false);
  // stubs of what is here from the beginning are for smaller programs
  program += "}\n/*\n";
  put(["stub"], false);
  program += "*/\n";
  put(["body", "last"], true);
  const parts = Object.entries(entered).map(([word, paths]) => {
    const own = chosen(whole, paths);
    return [word, order.map((piece) => Number(own.has(piece))).join("")];
  });
  const imports = startedBy(whole.sections).values().map((started) =>
    started.map((section) => whole.sections.indexOf(section))
  );
  const plan = { places, imports: [...imports], parts: Object.fromEntries(parts), words };
  return `${program}//${JSON.stringify(plan)}\n`;
}
