// Editing YAML: in the user's editor, or from standard input where there is no terminal.

import { DreyError } from "../errors.ts";
import type { Schema } from "../wire/schema.ts";
import { toYaml } from "./output.ts";
import type { Shell } from "./shell.ts";
import { isStdinGiven } from "./terminal.ts";

/** Reads YAML that must be a mapping. @throws {DreyError} `BAD_REQUEST` */
export async function parseYaml(text: string): Promise<Record<string, unknown>> {
  const { parse } = await import("@std/yaml");
  let value: unknown;
  try {
    value = parse(text, { schema: "core" });
  } catch (error) {
    const said = error instanceof Error ? error.message.split("\n")[0] : error;
    throw new DreyError("BAD_REQUEST", { message: `Cannot read the YAML: ${said}`, cause: error });
  }
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DreyError("BAD_REQUEST", { message: "Cannot read the YAML: expected keys and values" });
}

/** All of standard input as text. */
export async function readStdin(): Promise<string> {
  return await new Response(Deno.stdin.readable).text();
}

/**
 * YAML on standard input, where that is given; else nothing.
 *
 * @param schema of the body that is made of it: there are no other fields
 * @throws {DreyError} `BAD_REQUEST`
 */
export async function readGiven(schema: Schema): Promise<Record<string, unknown>> {
  if (!await isStdinGiven()) return {};
  try {
    const given = await parseYaml(await readStdin());
    await mustBeKnown(schema, given);
    return given;
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    throw new DreyError(error.code, {
      message: error.message,
      hint: "Standard input is read as the configuration: give the command </dev/null if it is for others",
      cause: error,
    });
  }
}

async function mustBeKnown(schema: Schema, value: object, whole: object = {}): Promise<void> {
  const { mustKnowFields, told } = await import("./known_fields.ts");
  mustKnowFields(schema, value, [...Object.keys(whole), ...told]);
}

/** What is edited. */
export interface Edited {
  value: object;
  /** all that the server tells of it, which may come back */
  whole: object;
  /** what can be written */
  schema: Schema;
}

/**
 * Lets the user change `value` and hands the outcome to `write`. What is refused may be edited again.
 *
 * @throws {DreyError} `BAD_REQUEST` for what is no YAML, or has fields that there are not
 */
export async function edit(
  shell: Shell,
  { value, whole, schema }: Edited,
  write: (value: Record<string, unknown>) => Promise<void>,
): Promise<void> {
  const apply = async (text: string) => {
    const edited = await parseYaml(text);
    await mustBeKnown(schema, edited, whole);
    await write(edited);
  };
  if (!Deno.stdin.isTerminal()) return await apply(await readStdin());
  const before = await toYaml(value);
  for (let text = before;;) {
    text = await editText(text);
    if (text === before) return;
    try {
      return await apply(text);
    } catch (error) {
      if (!(error instanceof DreyError)) throw error;
      shell.say(`Error: ${error.message}`);
      if (!confirm("Open the editor again?")) throw error;
    }
  }
}

/** Lets the user change a text; `suffix` tells the editor what it is. */
export async function editText(text: string, suffix = ".yaml"): Promise<string> {
  return new TextDecoder().decode(await editFile(new TextEncoder().encode(text), suffix));
}

/** Lets the user change what is in a file, in whatever encoding; `suffix` tells the editor what it is. */
export async function editFile(content: Uint8Array, suffix: string): Promise<Uint8Array<ArrayBuffer>> {
  const { spawn } = await import("../sys/run.ts");
  const { inTemporaryPlace } = await import("../sys/temporary_place.ts");
  const file = await inTemporaryPlace(() => Deno.makeTempFile({ prefix: "drey_", suffix }));
  try {
    await inTemporaryPlace(() => Deno.writeFile(file, content));
    const editor = Deno.env.get("VISUAL") || Deno.env.get("EDITOR") || "vi";
    // an editor may come with flags, "code --wait": a shell splits them as people expect
    const argv = ["sh", "-c", `${editor} "$0"`, file];
    const { code } = await spawn(argv, { stdin: "inherit", stdout: "inherit", stderr: "inherit" }).status;
    if (code !== 0) {
      throw new DreyError("COMMAND_FAILED", { message: `The editor "${editor}" ended with status ${code}` });
    }
    return await Deno.readFile(file);
  } finally {
    await Deno.remove(file);
  }
}
