// Parts of the bundle in the user's cache: for each fast command a program with nothing but its own pieces, which starts
// 3 to 6 ms sooner. The bundle's first lines look for them by the fingerprint of the bundle; without them it runs whole.

import { exists, namesIn, readIfThere } from "../sys/present.ts";

/** What the last line of a bundle says, see `tests/support/bundle_pieces.ts`. */
interface Plan {
  /**
   * the pieces: their kind by its first letter (head, functions, stub, body, last), their module, where they are, and the
   * functions in them that V8 compiles with the file: where each begins, from the piece's start on, and for which words
   */
  places: Place[];
  /** the modules that each module starts without being asked */
  imports: number[][];
  /** by the first word of a command: whether a piece is in its program, "1" or "0" for each */
  parts: Record<string, string>;
  /** the words that functions are compiled for: the first one is bit 0 */
  words: string[];
}

type Place = [kind: string, module: number, start: number, end: number, ...marks: number[]];

/** age in milliseconds from which parts of other bundles are of no use to anybody */
const staleAge = 30 * 24 * 60 * 60 * 1000;

/** Name of the bundle among its parts, which take from it what they have not. */
const wholeName = "whole.js";

const partName = (word: string) => `${word}.mjs`;

/** What makes up the parts of a bundle, by file name. */
export function cutParts(bundle: string, directory: string): Record<string, string> {
  // two lines for the shell come first
  const whole = bundle.slice(bundle.indexOf("\n", bundle.indexOf("\n") + 1) + 1);
  const { places, parts, words }: Plan = JSON.parse(whole.slice(whole.lastIndexOf("\n//{") + "\n//".length));
  const files = Object.entries(parts).map(([word, chosen]) => {
    const own = places.filter((_, at) => chosen[at] === "1");
    const modules = own.flatMap(([kind, module]) => kind === "b" ? [module] : []);
    const texts = own.map((place) => compiledFor(whole, place, words.indexOf(word)));
    return [partName(word), [coldFunction(`${directory}/${wholeName}`, modules), ...texts, ""].join("\n")];
  });
  return { [wholeName]: whole, ...Object.fromEntries(files) };
}

/** A piece in which V8 compiles with the file what the command of this bit runs, and the rest when it is called. */
function compiledFor(whole: string, [, , start, end, ...marks]: Place, bit: number): string {
  const text = whole.slice(start, end);
  if (bit < 0) return text;
  let done = "";
  let from = 0;
  for (let at = 0; at < marks.length; at += 2) {
    const [parenthesis = 0, bits = 0] = marks.slice(at, at + 2);
    if (bits & 1 << bit) continue;
    // after anything else than the parenthesis it is a function like any other
    done += `${text.slice(from, parenthesis + 1)}0,`;
    from = parenthesis + 1;
  }
  return done + text.slice(from);
}

/**
 * Gets a module that a part has not, with all that it starts, from the whole bundle: evaluated where it sees everything of
 * the part and of what was got before, and nothing else. What is marked to be compiled with its file is not worth it
 * where nothing keeps that. No name here may be one that the bundle's shortening gives.
 */
const coldFunction = (whole: string, modules: readonly number[]) =>
  `var __modules,__evaluate=__text=>eval(__text);
function __cold(__module){const isFirst=__modules===undefined;__modules??=new Set(${JSON.stringify(modules)});
const text=Deno.readTextFileSync(${JSON.stringify(whole)});
const{places,imports}=JSON.parse(text.slice(text.lastIndexOf("\\n//{")+3));
const missing=new Set();const want=(each)=>{if(__modules.has(each)||missing.has(each))return;missing.add(each);imports[each].forEach(want)};want(__module);
const wanted=places.filter(([kind,each])=>kind==="s"?isFirst&&!__modules.has(each)&&!missing.has(each):"fb".includes(kind)&&missing.has(each));
for(const each of missing)__modules.add(each);
const program=wanted.map(([,,start,end])=>text.slice(start,end)).join("\\n").replace(/([=:]\\()((?:async )?function\\b)/g,"$10,$2");
__evaluate(program+"\\n__evaluate=__text=>eval(__text);")}`;

/**
 * Writes the parts of a bundle, all of them or none, for a command that found none of its own. A cache that cannot be
 * written to is no reason to complain.
 *
 * @param directory where they are to be, named after the bundle's fingerprint
 */
export function keepParts(bundle: string, directory: string, word: string): void {
  try {
    makeParts(bundle, directory, word);
  } catch (error) {
    // no room, not allowed, another command was quicker just now, or the bundle is being replaced: whatever the kernel
    // said, the bundle runs without
    if (!(error instanceof SyntaxError || error instanceof Error && "code" in error)) throw error;
  }
}

function makeParts(bundle: string, directory: string, word: string): void {
  const at = directory.lastIndexOf("/");
  const [parent, fingerprint] = [directory.slice(0, at), directory.slice(at + 1)];
  // what another command can begin with stays
  const isThere = () => [partName(word), wholeName].every((name) => exists(`${directory}/${name}`));
  if (!isOurs(parent) || isThere()) return;
  const text = Deno.readTextFileSync(bundle);
  // it may have been replaced since this process began
  if (!text.slice(0, text.indexOf("\n", text.indexOf("\n") + 1)).includes(fingerprint)) return;
  const files = cutParts(text, directory);
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  const building = Deno.makeTempDirSync({ dir: parent, prefix: "new-" });
  try {
    for (const [name, part] of Object.entries(files)) write(`${building}/${name}`, part);
    if (!isThere()) {
      removeIfThere(directory);
      Deno.renameSync(building, directory);
    }
  } finally {
    removeIfThere(building);
  }
  removeStale(parent);
}

/** Whether a path, or as much of it as there is, belongs to the user: root may have been given another's home. */
function isOurs(path: string): boolean {
  for (let at = path; at.startsWith("/"); at = at.slice(0, at.lastIndexOf("/"))) {
    try {
      return Deno.statSync(at).uid === Deno.uid();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return false;
    }
  }
  return false;
}

/** Written down for good before it gets its name: half a program would be one that does something else. */
function write(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  const data = new TextEncoder().encode(text);
  for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
  file.syncDataSync();
}

function removeStale(parent: string): void {
  for (const { name } of Deno.readDirSync(parent)) {
    const directory = `${parent}/${name}`;
    const { mtime } = Deno.statSync(directory);
    const isOld = mtime !== null && Date.now() - mtime.getTime() > staleAge;
    if (isOld && !isRunning(directory)) removeIfThere(directory);
  }
}

/** Whether a process was started as a file of this directory: a command may last, and ask for what it has not yet. */
function isRunning(directory: string): boolean {
  const pids = namesIn("/proc").filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => readIfThere(`/proc/${pid}/cmdline`)?.includes(`\0${directory}/`));
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
