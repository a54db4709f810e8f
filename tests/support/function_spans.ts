// The functions of a bundle that V8 can be made to compile with their file: where they are, what they are called, and how
// each is written so that it stands between parentheses.

import { parse } from "acorn";

/** A function, and those within that can be marked with it. */
export interface FunctionSpan {
  /**
   * What finds it again in another build: the names of the functions around it and its own, with ">" between them. What
   * initializes a module is called "".
   */
  name: string;
  /** path of the module that it initializes */
  module?: string;
  /** where V8 counts it from: its parameters, or the whole of an arrow function */
  at: number;
  /** what is replaced */
  start: number;
  end: number;
  /** what it becomes, between parentheses; `inside` writes what stands at a place of the text, with all that is in it */
  write(mark: string, inside: (start: number, end: number) => string): string;
  within: FunctionSpan[];
  /** whether it is declared at the top */
  isDeclared: boolean;
}

/** A node, whichever: acorn's own types ask for a case for each kind. */
interface Syntax {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

const isSyntax = (value: unknown): value is Syntax =>
  typeof value === "object" && value !== null && typeof (value as Syntax).type === "string";

const childrenOf = (node: Syntax): Syntax[] => Object.values(node).flat().filter(isSyntax);

const isFunction = ({ type }: Syntax) => /^(Arrow)?Function(Expression|Declaration)$/.test(type);

/** Names as they are in the source: the bundler numbers those that several modules use. */
const plain = (name: string) => name.replace(/\d+$/, "");

/** The functions at the top of a text, in their order. */
export function functionSpans(text: string): FunctionSpan[] {
  const program: object = parse(text, { ecmaVersion: "latest", sourceType: "module" });
  return childrenOf({ type: "", start: 0, end: 0, ...program }).flatMap((statement) =>
    statement.type === "FunctionDeclaration" ? [declared(text, statement)] : found(text, statement, {})
  );
}

function declared(text: string, node: Syntax): FunctionSpan {
  const id = node.id as Syntax;
  const name = plain(String(id.name));
  const keyword = text.slice(node.start, id.start).trimEnd();
  return {
    name,
    at: text.indexOf("(", id.end),
    start: node.start,
    end: node.end,
    within: within(text, node, name),
    isDeclared: true,
    // a declaration is there before everything else of its file, and so must be what replaces it
    write: (mark, inside) =>
      `var ${text.slice(id.start, id.end)} = ${mark}${keyword} ${
        inside(text.indexOf("(", id.end), node.end)
      });`,
  };
}

/** Numbers what has the same name in the same function. */
function within(text: string, node: Syntax, outer: string): FunctionSpan[] {
  const counts: Record<string, number> = {};
  return childrenOf(node).flatMap((child) => found(text, child, { outer, counts }));
}

/** What is around: without any, a module. */
interface Around {
  outer?: string;
  counts?: Record<string, number>;
  /** what the function would be called by what it is assigned to */
  called?: string;
}

function found(text: string, node: Syntax, around: Around): FunctionSpan[] {
  if (node.type === "Property" && node.method === true) {
    const span = method(text, node, around);
    return span === undefined ? [] : [span];
  }
  if (isFunction(node)) {
    const span = expression(text, node, around);
    return span === undefined ? [] : [span];
  }
  // what a class has is compiled when it is called, and so is all that is in it
  if (node.type === "MethodDefinition" || node.type === "PropertyDefinition") return [];
  if (node.type === "Property" && node.kind !== "init") return [];
  return childrenOf(node).flatMap((child) =>
    found(text, child, { ...around, called: calledBy(node, child) ?? around.called })
  );
}

/** The name that a node gives to what is in one of its places. */
function calledBy(node: Syntax, child: Syntax): string | undefined {
  const named = node.type === "VariableDeclarator" && child === node.init
    ? node.id
    : node.type === "AssignmentExpression" && child === node.right
    ? node.left
    : node.type === "Property" && child === node.value
    ? node.key
    : undefined;
  return isSyntax(named) ? nameOf(named) : undefined;
}

function nameOf(node: Syntax): string | undefined {
  if (node.type === "Identifier") return plain(String(node.name));
  if (node.type === "Literal") return String(node.value);
  return node.type === "MemberExpression" && isSyntax(node.property) ? nameOf(node.property) : undefined;
}

function numbered(name: string, { outer = "", counts = {} }: Around): string {
  const count = counts[name] = (counts[name] ?? 0) + 1;
  return `${outer}>${name}${count === 1 ? "" : `#${count}`}`;
}

function method(text: string, node: Syntax, around: Around): FunctionSpan | undefined {
  const [key, value] = [node.key as Syntax, node.value as Syntax];
  if (value.generator === true || uses(value, "Super")) return undefined;
  const module = around.outer === undefined && key.type === "Literal" ? String(key.value) : undefined;
  const name = module === undefined ? numbered(nameOf(key) ?? "", around) : "";
  const label = text.slice(node.start, value.start).replace(/^async\b\s*/, "").trimEnd();
  const keyword = value.async === true ? "async function" : "function";
  return {
    name,
    ...(module !== undefined && { module }),
    at: value.start,
    start: node.start,
    end: node.end,
    within: within(text, value, name),
    isDeclared: false,
    write: (mark, inside) => `${label}: ${mark}${keyword}${inside(value.start, value.end)})`,
  };
}

function expression(text: string, node: Syntax, around: Around): FunctionSpan | undefined {
  // one in a function is there before what precedes it, and would not be between parentheses
  if (node.type === "FunctionDeclaration") return undefined;
  const id = isSyntax(node.id) ? node.id : undefined;
  const name = numbered(around.called ?? (id && nameOf(id)) ?? "", around);
  const isArrow = node.type === "ArrowFunctionExpression";
  const body = node.body as Syntax;
  const common = {
    name,
    start: node.start,
    end: node.end,
    within: within(text, node, name),
    isDeclared: false,
  };
  if (!isArrow || node.async !== true) {
    const at = isArrow ? node.start : text.indexOf("(", id?.end ?? node.start);
    return { ...common, at, write: (mark, inside) => `${mark}${inside(node.start, node.end)})` };
  }
  // of arrow functions V8 heeds the parentheses only if they are not async
  if (uses(node, "ThisExpression", "Super", "arguments")) return undefined;
  const parameters = node.params as Syntax[];
  if (parameters.some((parameter) => hasFunction(parameter))) return undefined;
  const [first, last] = [parameters[0], parameters.at(-1)];
  const list = first === undefined || last === undefined ? "" : text.slice(first.start, last.end);
  const [open, close] = body.type === "BlockStatement" ? ["", ""] : ["{ return (", "); }"];
  return {
    ...common,
    at: node.start,
    write: (mark, inside) => `${mark}async function(${list}) ${open}${inside(body.start, body.end)}${close})`,
  };
}

const hasFunction = (node: Syntax): boolean => isFunction(node) || childrenOf(node).some(hasFunction);

/** Whether a function uses what another kind of function would have of its own. */
function uses(node: Syntax, ...kinds: string[]): boolean {
  return childrenOf(node).some((child) => {
    if (kinds.includes(child.type) || child.type === "MetaProperty") return true;
    if (child.type === "Identifier" && child.name === "arguments") return kinds.includes("arguments");
    const hasOwn = isFunction(child) && child.type !== "ArrowFunctionExpression";
    return !hasOwn && uses(child, ...kinds);
  });
}
