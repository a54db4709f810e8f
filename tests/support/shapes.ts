// The JSON that LXD's API answers with, as a table of field names and types, and whether a value is of such a shape.

import { fromFileUrl } from "@std/path";

/** A type as the table writes it: `s`, `i`, `n`, `b`, `*`, `[type]`, `{type}` or the name of a shape, `~` where it may be null. */
type Type = string;

interface ShapeField {
  type: Type;
  isOptional: boolean;
}

export interface Contract {
  shapes: ReadonlyMap<string, ReadonlyMap<string, ShapeField>>;
  /** by path, the type of the answer to each level of recursion */
  answers: ReadonlyMap<string, readonly Type[]>;
}

/** Reads `tests/contracts/lxd_shapes.txt`. */
export function readContract(): Contract {
  const text = Deno.readTextFileSync(fromFileUrl(new URL("../contracts/lxd_shapes.txt", import.meta.url)));
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) =>
    line.split(" ")
  );
  const answers = lines.filter(([name]) => name?.startsWith("/"));
  const shapes = lines.filter(([name]) => !name?.startsWith("/"));
  return {
    answers: new Map(answers.map(([path = "", ...types]) => [path, types])),
    shapes: new Map(shapes.map(([name = "", ...fields]) => [name, new Map(fields.map(readField))])),
  };
}

function readField(text: string): [string, ShapeField] {
  const at = text.lastIndexOf(":");
  const name = text.slice(0, at);
  return [name.replace(/\?$/, ""), { type: text.slice(at + 1), isOptional: name.endsWith("?") }];
}

/** Where a value is not what the contract says, a line for each place. */
export function misfits(contract: Contract, type: Type, value: unknown, at: string): string[] {
  if (value === null) return type.endsWith("~") || type === "*" ? [] : [`${at}: null for ${type}`];
  const bare = type.replace(/~$/, "");
  const inner = bare.slice(1, -1);
  if (bare.startsWith("[")) {
    if (!Array.isArray(value)) return [`${at}: no array`];
    return value.flatMap((item) => misfits(contract, inner, item, `${at}[]`));
  }
  if (bare === "*") return [];
  const simple = simpleType(bare, value);
  if (simple !== undefined) return simple ? [] : [`${at}: ${JSON.stringify(value)} for ${bare}`];
  if (typeof value !== "object" || Array.isArray(value)) return [`${at}: no object`];
  if (bare.startsWith("{")) {
    return Object.entries(value).flatMap(([key, item]) => misfits(contract, inner, item, `${at}.<${key}>`));
  }
  const shape = contract.shapes.get(bare);
  if (shape === undefined) return [`${at}: the table has no shape ${bare}`];
  const entries = new Map(Object.entries(value));
  return [
    ...[...shape].filter(([name, { isOptional }]) => !isOptional && !entries.has(name)).map(([name]) =>
      `${at}.${name}: missing`
    ),
    ...[...entries].flatMap(([name, item]) => {
      const field = shape.get(name);
      return field === undefined
        ? [`${at}.${name}: not LXD's`]
        : misfits(contract, field.type, item, `${at}.${name}`);
    }),
  ];
}

/** Whether a value is of a type without parts; undefined for others. */
function simpleType(type: Type, value: unknown): boolean | undefined {
  switch (type) {
    case "s":
      return typeof value === "string";
    case "b":
      return typeof value === "boolean";
    case "n":
      return typeof value === "number";
    case "i":
      return Number.isSafeInteger(value);
    default:
      return undefined;
  }
}
