// Templates of images: the part of the pongo2 language that images use. Text with `{{ values }}` and `{% statements %}`;
// nothing of the host can be reached from it.

import {
  evaluate,
  isTrue,
  longestText,
  type Scope,
  type TemplateInput,
  textOf,
  type Value,
  wrong,
} from "./template_values.ts";

export type { TemplateInput } from "./template_values.ts";

type Node =
  | { kind: "text"; text: string }
  | { kind: "value"; expression: string }
  | { kind: "if"; branches: { condition: string | undefined; body: Node[] }[] }
  | { kind: "for"; names: string[]; list: string; body: Node[] }
  | { kind: "set"; name: string; expression: string };

/** how many pieces of templates one may have filled in: images are anybody's, and lists can be gone through in lists */
const mostSteps = 100_000;

/** What a template has taken so far. */
interface Filling {
  output: string[];
  /** characters of it */
  length: number;
  steps: number;
}

/**
 * Fills a template in.
 *
 * @throws {DreyError} `IMAGE_INVALID` for what is no template
 */
export function renderTemplate(template: string, input: TemplateInput): string {
  if (template.length > longestText) throw wrong("it is too long");
  const filling: Filling = { output: [], length: 0, steps: 0 };
  try {
    const tree = new Builder(wordsOf(template)).build([]).body;
    write(tree, { ...input, values: { true: true, false: false, ...input.values } }, filling);
  } catch (error) {
    // the stack is full
    if (error instanceof RangeError) throw wrong("it is nested too deeply");
    throw error;
  }
  return filling.output.join("");
}

const closing: Record<string, string> = { "%": "%}", "{": "}}", "#": "#}" };

/** Text and what stands between braces, by turns. What is never closed is text. */
function wordsOf(template: string): string[] {
  const words: string[] = [];
  const unclosed = new Set<string>();
  let from = 0;
  for (let at = template.indexOf("{"); at >= 0; at = template.indexOf("{", at)) {
    const kind = template[at + 1] ?? "";
    const end = closing[kind];
    const close = end === undefined || unclosed.has(kind) ? -1 : template.indexOf(end, at + 2);
    if (close < 0 || end === undefined) {
      // it is not looked for again, or a long text would be gone through once for each brace
      if (end !== undefined) unclosed.add(kind);
      at++;
      continue;
    }
    words.push(template.slice(from, at), template.slice(at, close + 2));
    at = from = close + 2;
  }
  return [...words, template.slice(from)];
}

/** Makes a tree of the pieces of a template. */
class Builder {
  #at = 0;
  constructor(private readonly words: readonly string[]) {}

  /** Reads up to one of the statements named in `ends`, or to the end of the template if none is. */
  build(ends: readonly string[]): { body: Node[]; end: string; rest: string } {
    const body: Node[] = [];
    while (this.#at < this.words.length) {
      const isText = this.#at % 2 === 0;
      const word = this.words[this.#at++] ?? "";
      if (isText) {
        body.push({ kind: "text", text: this.#trimmed(word) });
        continue;
      }
      if (word.startsWith("{#")) continue;
      if (word.startsWith("{{")) {
        body.push({ kind: "value", expression: word.replace(/^\{\{-?|-?\}\}$/g, "") });
        continue;
      }
      const inner = word.replace(/^\{%-?|-?%\}$/g, "").trim();
      const [name = ""] = /^\w*/.exec(inner) ?? [];
      const rest = inner.slice(name.length).trimStart();
      if (ends.includes(name)) return { body, end: name, rest };
      body.push(...this.#statement(name, rest));
    }
    if (ends.length === 0) return { body, end: "", rest: "" };
    throw wrong(`"{% ${ends[0]} %}" is missing`);
  }

  /** A dash beside a percent sign takes the blanks on that side away. */
  #trimmed(text: string): string {
    const before = this.words[this.#at - 2] ?? "";
    const after = this.words[this.#at] ?? "";
    const left = /-[%}]\}$/.test(before) ? text.trimStart() : text;
    return /^\{[%{]-/.test(after) ? left.trimEnd() : left;
  }

  #statement(name: string, rest: string): Node[] {
    switch (name) {
      case "if":
        return [this.#conditional(rest)];
      case "for": {
        const [, names, list] = /^(\w+(?:\s*,\s*\w+)?)\s+in\s+(.+)$/s.exec(rest) ?? [];
        if (names === undefined || list === undefined) throw wrong(`cannot read "for ${rest}"`);
        const { body } = this.build(["endfor"]);
        return [{ kind: "for", names: names.split(/\s*,\s*/), list, body }];
      }
      case "set": {
        const [, variable, expression] = /^(\w+)\s*=\s*(.+)$/s.exec(rest) ?? [];
        if (variable === undefined || expression === undefined) throw wrong(`cannot read "set ${rest}"`);
        return [{ kind: "set", name: variable, expression }];
      }
      case "autoescape":
      case "endautoescape":
        return []; // nothing is escaped anyway
      default:
        throw wrong(`there is no statement "${name}"`);
    }
  }

  #conditional(first: string): Node {
    const branches: { condition: string | undefined; body: Node[] }[] = [];
    let condition: string | undefined = first;
    for (;;) {
      const { body, end, rest } = this.build(
        condition === undefined ? ["endif"] : ["elif", "elseif", "else", "endif"],
      );
      branches.push({ condition, body });
      if (end === "endif") return { kind: "if", branches };
      condition = end === "else" ? undefined : rest;
    }
  }
}

function write(nodes: readonly Node[], input: TemplateInput, filling: Filling): void {
  const put = (text: string) => {
    filling.length += text.length;
    if (filling.length > longestText) throw wrong("its output is too long");
    filling.output.push(text);
  };
  for (const node of nodes) {
    if (++filling.steps > mostSteps) throw wrong("it takes too long");
    switch (node.kind) {
      case "text":
        put(node.text);
        break;
      case "value":
        put(textOf(evaluate(node.expression, input)));
        break;
      case "set":
        input.values[node.name] = evaluate(node.expression, input);
        break;
      case "if": {
        const chosen = node.branches.find(({ condition }) =>
          condition === undefined || isTrue(evaluate(condition, input))
        );
        write(chosen?.body ?? [], input, filling);
        break;
      }
      case "for":
        repeat(node, input, filling);
    }
  }
}

function repeat(node: Node & { kind: "for" }, input: TemplateInput, filling: Filling): void {
  const list = evaluate(node.list, input);
  const pairs: [Value, Value][] = Array.isArray(list)
    ? list.map((item): [Value, Value] => [item, undefined])
    : typeof list === "object"
    ? Object.entries(list)
    : [];
  for (const [index, [key, value]] of pairs.entries()) {
    if (++filling.steps > mostSteps) throw wrong("it takes too long");
    const forloop = {
      Counter: index + 1,
      Counter0: index,
      First: index === 0,
      Last: index === pairs.length - 1,
    };
    const [first = "", second] = node.names;
    const own: Scope = { forloop, [first]: key, ...(second === undefined ? {} : { [second]: value }) };
    write(node.body, { ...input, values: { ...input.values, ...own } }, filling);
  }
}
