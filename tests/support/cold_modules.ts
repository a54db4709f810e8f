// Sets aside the modules of a bundle that fast commands never enter. Deno keeps the compiled form of the one file and
// reads it back at each start, each function's name and place with it, entered or not: 8 ms for two thousand kB of
// source. In a function that is not called a module costs no more than its letters.

import type { Warm } from "./warm_functions.ts";

interface Section {
  /** path of its source as the bundler writes it, "" for what precedes the first */
  path: string;
  lines: string[];
}

const title = /^\/\/ ([\w./@-]+\.\w+)$/;
const call = /\b(?:init|require)_[\w$]+(?=\(\))/g;
const declared = /^var ((?:init|require)_[\w$]+) = /;
/** what the bundler makes of `import("…")`: the module's start, then its exports */
const dynamicImport = /Promise\.resolve\(\)\.then\(\(\) => \((init_[\w$]+)\(\), ([\w$]+)\)\)/g;

/**
 * Moves modules that are not warm, and that no warm one imports statically, into one function. The first dynamic
 * import of one of them calls it, and it fills in what those expressions name.
 */
export function moveCold(bundle: string, warm: Warm): string {
  const sections = sectionsOf(bundle);
  const [first, ...hot] = hotSections(sections, warm);
  const kept = new Set([first, ...hot]);
  const cold = sections.filter((section) => !kept.has(section));
  if (first === undefined || cold.length === 0) return bundle;
  let moved = textOf(cold);
  const entrances: string[] = [];
  for (const [, start, exported] of textOf(hot).matchAll(dynamicImport)) {
    const declaration = `\nvar ${start} = `;
    if (!moved.includes(declaration)) continue;
    moved = moved.replace(declaration, `\n${start} = `).replace(`\nvar ${exported} = `, `\n${exported} = `);
    entrances.push(`var ${exported}, ${start} = () => (__cold(), ${start}());`);
  }
  return [textOf([first]), ...entrances, "function __cold() {", moved, "}", textOf(hot)].join("\n");
}

const textOf = (sections: readonly Section[]) => sections.map(({ lines }) => lines.join("\n")).join("\n");

function sectionsOf(bundle: string): Section[] {
  const sections: Section[] = [{ path: "", lines: [] }];
  for (const line of bundle.split("\n")) {
    const [, path] = title.exec(line) ?? [];
    if (path !== undefined) sections.push({ path, lines: [] });
    sections.at(-1)!.lines.push(line);
  }
  return sections;
}

/** The first and the last, the warm ones, and all that these start without being asked, in the order they stand in. */
function hotSections(sections: readonly Section[], warm: Warm): Section[] {
  const starts = new Map<string, Section>();
  for (const section of sections) {
    for (const line of section.lines) {
      const [, name] = declared.exec(line) ?? [];
      if (name !== undefined) starts.set(name, section);
    }
  }
  const hot = new Set<Section>();
  const waiting = sections.filter(({ path }, index) =>
    path in warm || index === 0 || index === sections.length - 1
  );
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (hot.has(next)) continue;
    hot.add(next);
    for (const [name] of next.lines.join("\n").replaceAll(dynamicImport, "").matchAll(call)) {
      const section = starts.get(name);
      if (section !== undefined) waiting.push(section);
    }
  }
  return sections.filter((section) => hot.has(section));
}
