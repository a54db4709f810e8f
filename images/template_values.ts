// Expressions of image templates: names, texts, numbers, comparisons, filters and `config_get()`.

import { DreyError } from "../errors.ts";

export type Value = string | number | boolean | undefined | Value[] | { [name: string]: Value };
export type Scope = Record<string, Value>;

export interface TemplateInput {
  values: Scope;
  /** what `config_get(key, default)` finds */
  config: Readonly<Record<string, string>>;
}

/** longest text that a template has, makes on its way, or is filled in to, in characters */
export const longestText = 1 << 20;

const blank = /\s*$/y;
const token =
  /\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?|[A-Za-z_]\w*|==|!=|<=|>=|&&|\|\||[<>!().,|:[\]+-])/sy;

/** The value of an expression. @throws {DreyError} `IMAGE_INVALID` */
export function evaluate(expression: string, input: TemplateInput): Value {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const isOver = (at: number) => {
    blank.lastIndex = at;
    return blank.test(expression);
  };
  while (!isOver(token.lastIndex)) {
    const at = token.lastIndex;
    const found = token.exec(expression);
    if (found === null) throw wrong(`cannot read "${expression.slice(at).trim()}"`);
    tokens.push(found[1] ?? "");
  }
  const reader = new Reader(tokens, input);
  const value = reader.either();
  if (reader.isDone()) return value;
  throw wrong(`cannot read "${expression.trim()}"`);
}

/** Reads an expression from its loosest operator to its tightest. */
class Reader {
  #at = 0;
  constructor(private readonly tokens: readonly string[], private readonly input: TemplateInput) {}

  isDone(): boolean {
    return this.#at === this.tokens.length;
  }

  #take(...wanted: string[]): string | undefined {
    const next = this.tokens[this.#at];
    if (next === undefined || !wanted.includes(next)) return undefined;
    this.#at++;
    return next;
  }

  either(): Value {
    let value = this.#both();
    while (this.#take("or", "||")) {
      const other = this.#both();
      value = isTrue(value) || isTrue(other);
    }
    return value;
  }

  #both(): Value {
    let value = this.#not();
    while (this.#take("and", "&&")) {
      const other = this.#not();
      value = isTrue(value) && isTrue(other);
    }
    return value;
  }

  #not(): Value {
    return this.#take("not", "!") ? !isTrue(this.#not()) : this.#compared();
  }

  #compared(): Value {
    const left = this.#filtered();
    const sign = this.#take("==", "!=", "<", ">", "<=", ">=", "in");
    if (sign === undefined) return left;
    const right = this.#filtered();
    return compare(left, sign, right);
  }

  #filtered(): Value {
    let value = this.#plain();
    while (this.#take("|")) {
      const name = this.tokens[this.#at++] ?? "";
      const argument = this.#take(":") ? this.#plain() : undefined;
      value = filter(name, value, argument);
    }
    return value;
  }

  #plain(): Value {
    const next = this.tokens[this.#at++];
    if (next === undefined) throw wrong("an expression ends too early");
    if (/^["']/.test(next)) {
      return next.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => c === "n" ? "\n" : c);
    }
    if (/^\d/.test(next)) return Number(next);
    if (next === "(") {
      const value = this.either();
      this.#must(")");
      return value;
    }
    if (!/^\w+$/.test(next)) throw wrong(`"${next}" stands where a value was expected`);
    if (next === "config_get") return this.#configGet();
    return this.#members(member(this.input.values, next));
  }

  #members(value: Value): Value {
    for (;;) {
      if (this.#take(".")) value = member(value, this.tokens[this.#at++] ?? "");
      else if (this.#take("[")) {
        value = member(value, textOf(this.either()));
        this.#must("]");
      } else return value;
    }
  }

  #configGet(): Value {
    this.#must("(");
    const key = textOf(this.either());
    const fallback = this.#take(",") ? this.either() : "";
    this.#must(")");
    return Object.hasOwn(this.input.config, key) ? this.input.config[key] : fallback;
  }

  #must(sign: string): void {
    if (this.#take(sign) === undefined) throw wrong(`"${sign}" is missing`);
  }
}

function member(value: Value, name: string): Value {
  if (Array.isArray(value)) return value[Number(name)];
  return typeof value === "object" && Object.hasOwn(value, name) ? value[name] : undefined;
}

function compare(left: Value, sign: string, right: Value): boolean {
  if (sign === "in") {
    if (Array.isArray(right)) return right.some((item) => textOf(item) === textOf(left));
    return typeof right === "object"
      ? Object.hasOwn(right, textOf(left))
      : textOf(right).includes(textOf(left));
  }
  const isNumeric = typeof left === "number" && typeof right === "number";
  const [a, b] = isNumeric ? [left, right] : [textOf(left), textOf(right)];
  if (sign === "==") return a === b;
  if (sign === "!=") return a !== b;
  if (sign === "<") return a < b;
  if (sign === ">") return a > b;
  return sign === "<=" ? a <= b : a >= b;
}

function filter(name: string, value: Value, argument: Value): Value {
  const text = textOf(value);
  switch (name) {
    case "default":
      return isTrue(value) ? value : argument;
    case "default_if_none":
      return value === undefined ? argument : value;
    case "upper":
      return text.toUpperCase();
    case "lower":
      return text.toLowerCase();
    case "capfirst":
      return text.slice(0, 1).toUpperCase() + text.slice(1);
    case "trim":
      return text.trim();
    case "length":
      return Array.isArray(value) ? value.length : text.length;
    case "join":
      return Array.isArray(value) ? joined(value.map(textOf), textOf(argument)) : text;
    case "split":
      return text.split(textOf(argument));
    case "first":
      return Array.isArray(value) ? value[0] : text.slice(0, 1);
    case "last":
      return Array.isArray(value) ? value.at(-1) : text.slice(-1);
    case "cut":
      return text.replaceAll(textOf(argument), "");
    case "safe":
    case "escape":
      return value;
    default:
      throw wrong(`there is no filter "${name}"`);
  }
}

function joined(texts: readonly string[], between: string): string {
  const length = texts.reduce((sum, text) => sum + text.length + between.length, 0);
  if (length > longestText) throw wrong("a text in it is too long");
  return texts.join(between);
}

/** Whether a value counts as true: it is not empty, zero or missing. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object") return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as it appears in the output. */
export function textOf(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** The error of a template that cannot be read. */
export const wrong = (why: string) =>
  new DreyError("IMAGE_INVALID", { message: `Cannot fill in a template of the image: ${why.slice(0, 200)}` });
