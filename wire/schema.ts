// Schemas as data: what a request body must look like. One declaration gives the TypeScript type, the check
// of a body that arrives, and the OpenAPI text. Unknown fields are let through, as LXD's decoder does.

/** What a value must look like; `T` is its type in TypeScript. */
export type Schema<T = unknown> =
  & (
    | { kind: "string" | "integer" | "number" | "boolean" | "unknown" }
    | { kind: "enum"; values: readonly string[] }
    | { kind: "array"; items: Schema }
    | { kind: "record"; values: Schema }
    | { kind: "object"; fields: Record<string, Field> }
  )
  & { readonly type?: T };

/** A schema in its place in an object; `optional` fields may be absent or null. */
export interface Field<T = unknown, O extends boolean = boolean> {
  schema: Schema<T>;
  optional: O;
  /** what the field means, a noun phrase */
  about?: string;
}

type Fields = Record<string, Field>;
type Typed<F> = F extends Field<infer T, boolean> ? T : never;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, true> ? K : never;
}[keyof F];
/** The type of an object with these fields. */
export type ObjectOf<F extends Fields> =
  & { [K in Exclude<keyof F, OptionalKeys<F>>]: Typed<F[K]> }
  & { [K in OptionalKeys<F>]?: Typed<F[K]> };
/** The TypeScript type a schema stands for. */
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

export const string: Schema<string> = { kind: "string" };
export const integer: Schema<number> = { kind: "integer" };
export const boolean: Schema<boolean> = { kind: "boolean" };
export const unknown: Schema<unknown> = { kind: "unknown" };
export const oneOf = <const V extends readonly string[]>(...values: V): Schema<V[number]> => ({
  kind: "enum",
  values,
});
export const array = <T>(items: Schema<T>): Schema<T[]> => ({ kind: "array", items });
export const record = <T>(values: Schema<T>): Schema<Record<string, T>> => ({ kind: "record", values });
export const object = <F extends Fields>(fields: F): Schema<ObjectOf<F>> => ({ kind: "object", fields });
export const required = <T>(schema: Schema<T>, about?: string): Field<T, false> => ({
  schema,
  optional: false,
  about,
});
export const optional = <T>(schema: Schema<T>, about?: string): Field<T, true> => ({
  schema,
  optional: true,
  about,
});

/** The first way in which `value` is not what `schema` asks, as `config.limits: expected a string, got a number`. */
export function mismatch(schema: Schema, value: unknown, at = ""): string | undefined {
  const wrong = (wanted: string) => `${at === "" ? "body" : at}: expected ${wanted}, got ${nameOf(value)}`;
  switch (schema.kind) {
    case "unknown":
      return undefined;
    case "integer":
      return Number.isSafeInteger(value) ? undefined : wrong("an integer");
    case "string":
    case "number":
    case "boolean":
      // deno-lint-ignore valid-typeof -- these kinds are named after what typeof says
      return typeof value === schema.kind ? undefined : wrong(`a ${schema.kind}`);
    case "enum":
      return schema.values.includes(value as string)
        ? undefined
        : wrong(`one of ${schema.values.join(", ")}`);
    case "array":
      if (!Array.isArray(value)) return wrong("an array");
      return first(value.entries(), ([index, item]) => mismatch(schema.items, item, `${at}[${index}]`));
    case "record":
      if (!isPlainObject(value)) return wrong("an object");
      return first(Object.entries(value), ([key, item]) => mismatch(schema.values, item, join(at, key)));
    case "object":
      if (!isPlainObject(value)) return wrong("an object");
      return first(Object.entries(schema.fields), ([key, field]) => {
        const item = value[key];
        if (item === undefined || item === null) {
          return field.optional ? undefined : `${join(at, key)}: missing`;
        }
        return mismatch(field.schema, item, join(at, key));
      });
  }
}

const join = (at: string, key: string) => at === "" ? key : `${at}.${key}`;

function first<T>(items: Iterable<T>, check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
