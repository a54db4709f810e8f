// @std/yaml as npm serves it, with its types, and with a bound: aliases make much of little text. On JSR this file is
// the import of one package.

// @ts-types="./yaml.d.ts"
import { parse as read, type ParseOptions, stringify } from "deno-std/yaml/mod.js";

export { stringify };

/** values that a document may have once its aliases stand for what they repeat */
const most = 1_000_000;

/** @throws {SyntaxError} for what is no YAML, or is endless */
export function parse(content: string, options?: ParseOptions): unknown {
  const document = read(content, options);
  if (content.includes("*")) mustEnd(document);
  return document;
}

function mustEnd(document: unknown): void {
  const waiting = [document];
  for (let count = 0; waiting.length > 0; count++) {
    if (count > most) throw new SyntaxError("Its aliases repeat more than can be meant");
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const part of Object.values(value)) waiting.push(part);
  }
}
