// Request bodies: read within a limit, parsed as JSON, held against the schema of the route.

import { concat } from "@std/bytes";
import { DreyError } from "../errors.ts";
import { mismatch, type Schema } from "../wire/schema.ts";

/** `bytes` of JSON a request may hold; files are not sent this way */
const limit = 1024 * 1024;

/**
 * The body of a request as its schema describes it; fields that are null count as left out.
 *
 * @throws {DreyError} `BAD_REQUEST` if it is no such thing, `TOO_LARGE`
 */
export async function readBody(request: Request, schema: Schema): Promise<unknown> {
  return checkBody(await readText(request), schema);
}

/** The same for a body that has been read. */
export function checkBody(text: string, schema: Schema): unknown {
  // as many bytes as characters at least
  if (text.length > limit) throw tooLarge();
  const value = parse(text);
  const wrong = mismatch(schema, value);
  if (wrong !== undefined) throw bad(`Invalid request body: ${wrong}`);
  return withoutNulls(schema, value);
}

/**
 * The body of a request.
 *
 * @throws {DreyError} `BAD_REQUEST` if it is not UTF-8, `TOO_LARGE`
 */
export async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(concat(chunks));
  } catch (error) {
    throw bad("Invalid request body: it is not UTF-8", error);
  }
}

function parse(text: string): unknown {
  if (text.trim() === "") throw bad("Invalid request body: it is empty, JSON was expected");
  try {
    return JSON.parse(text, /__proto__|\\u/.test(text) ? refuseOdd : undefined);
  } catch (error) {
    if (error instanceof DreyError) throw error;
    throw bad(`Invalid request body: ${error instanceof Error ? error.message : error}`, error);
  }
}

/**
 * Such a key would turn into something else as soon as it is assigned; half a character has no UTF-8; and names of files
 * and words of commands end at a zero byte, wherever they come to be used.
 */
function refuseOdd(key: string, value: unknown): unknown {
  if (key === "__proto__") throw bad('Invalid request body: "__proto__" is no name');
  if (!key.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
    throw bad("Invalid request body: it holds half of a surrogate pair");
  }
  if (key.includes("\0") || (typeof value === "string" && value.includes("\0"))) {
    throw bad("Invalid request body: it holds a zero byte");
  }
  return value;
}

function withoutNulls(schema: Schema, value: unknown): unknown {
  if (schema.kind === "array") {
    return (value as unknown[]).map((item) => withoutNulls(schema.items, item));
  }
  if (schema.kind !== "object") return value;
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).filter(([, item]) => item !== null).map(
      ([key, item]) => {
        const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
        return [key, field === undefined ? item : withoutNulls(field.schema, item)];
      },
    ),
  );
}

function bad(message: string, cause?: unknown): DreyError {
  return new DreyError("BAD_REQUEST", { message, cause });
}

function tooLarge(): DreyError {
  return new DreyError("TOO_LARGE", { message: `The request body is larger than ${limit} bytes` });
}
