// What a definition of an image may say: its sections and their keys, and for which images its rows are. What has no
// meaning here is refused by name, so that nobody counts on it.

import { DreyError } from "../errors.ts";
import { debianArchitecture, kernelArchitecture } from "./metadata.ts";

export type Json = Record<string, unknown>;

/** The keys that are read, or that say what only other programs need to know, by their section. */
const known: Record<string, readonly string[]> = {
  "": ["image", "source", "packages", "files", "actions", ...["targets", "mappings", "simplestream"]],
  image: [
    ...["name", "distribution", "release", "architecture", "description", "variant", "serial"],
    ...["expiry", "properties"],
  ],
  source: ["downloader", "url", "components", "suite", "variant", "keys", "keyserver", "same_as"],
  packages: ["manager", "update", "cleanup", "sets", "repositories"],
  "packages.sets": ["packages", "action", "architectures", "releases", "variants", "types", "early"],
  "packages.repositories": ["name", "url", "architectures", "releases", "variants", "types"],
  files: [
    ...["generator", "path", "content", "mode", "uid", "gid", "name", "template", "types", "pongo"],
    ...["architectures", "releases", "variants"],
  ],
  "files.template": ["when", "properties", "create_only"],
  actions: ["trigger", "action", "architectures", "releases", "variants", "types", "pongo"],
};

/** Whether a row with conditions is for this image. */
export function applies(
  row: Json,
  wanted: { release: string; variant: string; architecture: string },
): boolean {
  const fits = (list: unknown, value: string) => !Array.isArray(list) || list.map(text).includes(value);
  const architecture = wanted.architecture || debianArchitecture(Deno.build.arch);
  const isForContainers = !Array.isArray(row.types) || row.types.includes("container");
  return fits(row.releases, wanted.release) && fits(row.variants, wanted.variant) && isForContainers &&
    (fits(row.architectures, architecture) ||
      fits(row.architectures, kernelArchitecture(architecture) ?? ""));
}

/** A map with no other keys than those of its section. */
export function section(value: unknown, name?: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(`${name || "it"} is not a map`);
  }
  const keys = name === undefined ? undefined : known[name];
  const strange = keys && Object.keys(value).find((key) => !keys.includes(key));
  if (strange !== undefined) throw bad(`the key "${name ? `${name}.` : ""}${strange}" is not supported`);
  return value as Json;
}

/** The rows of a section. */
export function entries(value: unknown, name: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad(`${name} is not a list`);
  return value.map((row) => section(row, name));
}

/** A value as it would be written. */
export function text(value: unknown): string {
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
    ? `${value}`
    : "";
}

/** What is wrong with a definition. */
export const bad = (why: string, hint?: string) =>
  new DreyError("BAD_REQUEST", { message: `Cannot use the definition: ${why}`, ...hint && { hint } });
