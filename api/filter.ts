// LXD's filter expressions: `name eq c1 and not config.limits.cpu eq 2`. Clauses join from left to right; texts are
// compared as LXD compares them, with a regular expression and whatever the case.

import { DreyError } from "../errors.ts";
import { readPattern } from "./filter_pattern.ts";

interface Clause {
  join: "and" | "or";
  negated: boolean;
  field: string;
  operator: "eq" | "ne";
  value: string;
  /** whether a text is what the value asks for */
  fits(text: string): boolean;
}

/** A test for things as the API shows them. */
export type Filter = (thing: unknown) => boolean;

/**
 * Reads a filter expression.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function parseFilter(text: string): Filter {
  const clauses = clausesOf(wordsOf(text));
  return (thing) =>
    clauses.reduce((matches, clause) => {
      const found = matchesField(fieldOf(thing, clause.field), clause);
      const holds = (found === (clause.operator === "eq")) !== clause.negated;
      return clause.join === "and" ? matches && holds : matches || holds;
    }, true);
}

interface Word {
  text: string;
  quoted: boolean;
}

/** Words apart by white space; single or double quotes hold white space together. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))/y;
  while (text.slice(pattern.lastIndex).trim() !== "") {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw invalid(`unterminated quote: ${text.slice(at).trim()}`);
    const quoted = match[1] ?? match[2];
    words.push(
      quoted === undefined
        ? { text: match[3] ?? "", quoted: false }
        : { text: quoted.replace(/\\(.)/g, "$1"), quoted: true },
    );
  }
  return words;
}

/** The reasons of what cannot be read begin as LXD's do; another operator than these two it takes for `eq`. */
function clausesOf(words: Word[]): Clause[] {
  const clauses: Clause[] = [];
  let join: Clause["join"] = "and";
  while (words.length > 0) {
    const negated = isWord(words[0], "not");
    if (negated) words.shift();
    const [field, operator, value] = words.splice(0, 3);
    if (field === undefined) throw invalid("incomplete not clause");
    if (operator === undefined) throw invalid(`clause has no operator: "${field.text}"`);
    if (value === undefined) throw invalid(`clause has no value: "${field.text} ${operator.text}"`);
    const compare = operator.text.toLowerCase();
    if (compare !== "eq" && compare !== "ne") {
      throw invalid(`unknown operator "${operator.text}": expected eq or ne`);
    }
    const fits = fitsText(value.text);
    clauses.push({ join, negated, field: field.text, operator: compare, value: value.text, fits });
    const next = words.shift();
    if (next === undefined) return clauses;
    if (!isWord(next, "and") && !isWord(next, "or")) {
      throw invalid(`invalid clause composition: expected "and" or "or", got "${next.text}"`);
    }
    if (words.length === 0) throw invalid(`unterminated compound clause: nothing follows "${next.text}"`);
    join = isWord(next, "or") ? "or" : "and";
  }
  return clauses;
}

function isWord(word: Word | undefined, text: string): boolean {
  return word !== undefined && !word.quoted && word.text.toLowerCase() === text;
}

/** Keys may hold dots themselves (`limits.cpu`): the longest that exists is taken first. */
function fieldOf(thing: unknown, path: string): unknown {
  if (typeof thing !== "object" || thing === null || Array.isArray(thing)) return undefined;
  const keys = Object.keys(thing).filter((key) => path === key || path.startsWith(`${key}.`));
  for (const key of keys.sort((one, other) => other.length - one.length)) {
    const value = (thing as Record<string, unknown>)[key];
    const found = path === key ? value : fieldOf(value, path.slice(key.length + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A pattern without an anchor is about the whole text; what is no pattern stands for itself. */
function fitsText(value: string): (text: string) => boolean {
  const pattern = readPattern(/[$^]/.test(value) ? value : `^(?:${value})$`);
  return pattern ?? ((text) => text.toLowerCase() === value.toLowerCase());
}

/** A list matches if one of its items does; what is missing matches the empty value. */
function matchesField(found: unknown, clause: Clause): boolean {
  const { value: wanted, fits } = clause;
  if (found === undefined || found === null) return wanted === "";
  if (Array.isArray(found)) return found.some((item) => matchesField(item, clause));
  if (typeof found === "object") return false;
  if (typeof found === "number") return wanted.trim() !== "" && found === Number(wanted);
  if (typeof found === "boolean") return wanted.toLowerCase() === String(found);
  return fits(String(found));
}

function invalid(reason: string): DreyError {
  return new DreyError("BAD_REQUEST", { message: `Invalid filter: ${reason}` });
}
