// Things with keys and a description, read and written in one way: what was read is changed and sent back with its ETag,
// so that nobody else's change is lost. The commands get, set, unset and edit are the same for all of them.

import { DreyError } from "../errors.ts";
import type { Config } from "../wire/instance.ts";
import type { Schema } from "../wire/schema.ts";
import type { Handler } from "./command.ts";
import { edit as editYaml, readGiven, readStdin } from "./editor.ts";
import { keyValues } from "./resolve.ts";
import type { Shell } from "./shell.ts";

/** What PUT takes of a thing; the fields that commands of its own change travel along. */
export interface Settings {
  config?: Config;
  description?: string;
}

/** A thing that was typed. */
export interface Owner<Body extends Settings> {
  /** how errors name it, `instance "web"` */
  title: string;
  /** what PUT takes */
  schema: Schema;
  /** `whole` is all that GET tells, `value` the part that PUT takes */
  read(): Promise<{ whole: Settings; value: Body; etag: string }>;
  write(value: Body, etag: string): Promise<void>;
}

/** The calls of the routes of a thing. */
interface Calls<Whole extends Settings, Body extends Settings> {
  get(): Promise<{ value: Whole; etag: string }>;
  /** the part that PUT takes */
  writable(whole: Whole): Body;
  put(body: Body, etag: string): Promise<unknown>;
}

/** A thing that is read and written by two routes. */
export function ownerOf<Whole extends Settings, Body extends Settings>(
  { title, schema }: Pick<Owner<Body>, "title" | "schema">,
  { get, writable, put }: Calls<Whole, Body>,
): Owner<Body> {
  return {
    title,
    schema,
    async read() {
      const { value, etag } = await get();
      return { whole: value, value: writable(value), etag };
    },
    async write(body, etag) {
      await put(body, etag);
    },
  };
}

/** Reads, changes in place, writes. */
export async function change<Body extends Settings>(
  owner: Owner<Body>,
  edit: (value: Body) => void,
): Promise<void> {
  const { value, etag } = await owner.read();
  edit(value);
  await owner.write(value, etag);
}

/** The commands of a kind of things; `at` is the number of words that name one. */
export function settingsCommands<Body extends Settings>(
  open: (shell: Shell) => Promise<Owner<Body>>,
  at = 1,
): Record<"get" | "set" | "unset" | "edit", Handler> {
  return {
    async get(shell) {
      const key = shell.typed.args[at] ?? "";
      const { whole } = await (await open(shell)).read();
      const isProperty = shell.typed.has("property");
      shell.print(`${isProperty ? getProperty({ ...whole }, key) : valueOf(whole.config, key)}\n`);
    },
    async set(shell) {
      const pairs = await readPairs(shell.typed.args.slice(at));
      const isProperty = shell.typed.has("property");
      await change(await open(shell), (value) => setKeys(value, pairs, isProperty));
    },
    async unset(shell) {
      const key = shell.typed.args[at] ?? "";
      const owner = await open(shell);
      await change(
        owner,
        (value) => unsetKey(value, key, { owner, isProperty: shell.typed.has("property") }),
      );
    },
    async edit(shell) {
      const owner = await open(shell);
      const { whole, value, etag } = await owner.read();
      await editYaml(shell, { value, whole, schema: owner.schema }, async (edited) => {
        await owner.write({ ...value, ...edited }, etag);
      });
    },
  };
}

/** The value of a key, empty if it is not set; every object answers to "constructor" as well. */
export const valueOf = (config: Config | undefined, key: string): string =>
  config !== undefined && Object.hasOwn(config, key) ? config[key] ?? "" : "";

/** Sets keys, or properties. @throws {DreyError} `BAD_REQUEST` for a property that cannot be set so */
export function setKeys(value: Settings, pairs: Record<string, string>, isProperty: boolean): void {
  if (!isProperty) value.config = { ...value.config, ...pairs };
  else for (const [name, text] of Object.entries(pairs)) setProperty(value, name, text);
}

/** Removes a key, or empties a property. @throws {DreyError} `NOT_FOUND` for a key that is not set */
export function unsetKey(
  value: Settings,
  key: string,
  { owner, isProperty }: { owner: { title: string }; isProperty: boolean },
): void {
  if (isProperty) return setProperty(value, key, "");
  const { [key]: _, ...config } = value.config ?? {};
  if (!Object.hasOwn(value.config ?? {}, key)) {
    throw new DreyError("NOT_FOUND", {
      message: `Cannot unset key "${key}": ${owner.title} does not set it`,
    });
  }
  value.config = config;
}

/** Puts a typed text where a property is, as its type. */
function setProperty(value: object, name: string, text: string): void {
  const fields = value as Record<string, unknown>;
  const old = fields[name];
  if (typeof old === "string") fields[name] = text;
  else if (typeof old === "boolean" && /^(true|false)$/.test(text)) fields[name] = text === "true";
  else throw noProperty(fields, name);
}

/** A property as text. @throws {DreyError} `BAD_REQUEST` */
export function getProperty(value: Record<string, unknown>, name: string): string {
  const found = value[name];
  if (["string", "number", "boolean"].includes(typeof found)) return String(found);
  throw noProperty(value, name);
}

function noProperty(value: Record<string, unknown>, name: string): DreyError {
  const simple = Object.entries(value).filter(([, item]) => typeof item !== "object").map(([key]) => key);
  return new DreyError("BAD_REQUEST", {
    message: `There is no property "${name}" to read or set so; there are ${simple.join(", ")}`,
  });
}

/** `key=value` words, or LXD's older `key value`; a value of `-` is standard input. */
export async function readPairs(words: readonly string[]): Promise<Record<string, string>> {
  const [key = "", value] = words;
  const pairs = words.length === 2 && !key.includes("=") ? { [key]: value ?? "" } : keyValues(words);
  for (const [name, text] of Object.entries(pairs)) {
    if (text === "-") pairs[name] = await readStdin();
  }
  return pairs;
}

/**
 * What a new thing is to be: YAML on standard input, if that is a file, then `--description` and pairs of keys.
 *
 * @param schema of the body
 */
export async function readSettings(
  shell: Shell,
  words: readonly string[],
  schema: Schema,
): Promise<Record<string, unknown> & Required<Settings>> {
  const given: Settings = await readGiven(schema);
  return {
    ...given,
    description: shell.typed.text("description") ?? given.description ?? "",
    config: { ...given.config, ...await readPairs(words) },
  };
}
