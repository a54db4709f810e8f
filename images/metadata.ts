// metadata.yaml, the description an image carries: what may stand in it and what it means.

import { knownArchitectures } from "../config/types.ts";
import { invalid } from "./archive.ts";

export interface ImageTemplate {
  when: ("create" | "copy" | "start" | "rename")[];
  /** file below `templates/` */
  template: string;
  create_only: boolean;
  properties: Record<string, string>;
}

export interface ImageMetadata {
  architecture: string;
  /** seconds since 1970 */
  creation_date: number;
  /** seconds since 1970; 0 if it does not expire */
  expiry_date: number;
  properties: Record<string, string>;
  /** by the path of the file each makes in the instance */
  templates: Record<string, ImageTemplate>;
}

/** Names by which people and formats call an architecture, and the kernel's. */
const architectures: Record<string, string> = {
  amd64: "x86_64",
  arm64: "aarch64",
  i386: "i686",
  armhf: "armv7l",
  armel: "armv6l",
  ppc64el: "ppc64le",
};

/** The kernel's name of an architecture, `x86_64` for `amd64`; undefined if there is none. */
export function kernelArchitecture(name: string): string | undefined {
  const kernel = architectures[name] ?? name;
  return knownArchitectures.includes(kernel) ? kernel : undefined;
}

/** Debian's name of an architecture, `amd64` for `x86_64`. */
export function debianArchitecture(kernel: string): string {
  return Object.entries(architectures).find(([, name]) => name === kernel)?.[0] ?? kernel;
}

/**
 * Reads metadata.yaml.
 *
 * @throws {DreyError} `IMAGE_INVALID` naming the field that is wrong
 */
export async function parseMetadata(text: string): Promise<ImageMetadata> {
  const { parse } = await import("@std/yaml");
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw invalid("metadata.yaml is no YAML", error);
  }
  if (!isRecord(document)) throw invalid("metadata.yaml is not a map");
  const named = document.architecture;
  const architecture = typeof named === "string" ? kernelArchitecture(named) : undefined;
  if (architecture === undefined) throw invalid(`metadata.yaml names no known architecture`);
  return {
    architecture,
    creation_date: seconds(document, "creation_date"),
    expiry_date: seconds(document, "expiry_date"),
    properties: texts(document.properties ?? {}, "properties"),
    templates: templates(document.templates ?? {}),
  };
}

/** metadata.yaml of an image we make. */
export async function formatMetadata(metadata: ImageMetadata): Promise<string> {
  const { stringify } = await import("@std/yaml");
  return stringify(metadata, { sortKeys: false });
}

function seconds(document: Record<string, unknown>, field: string): number {
  const value = document[field] ?? 0;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return Math.floor(value);
  throw invalid(`"${field}" in metadata.yaml is not a number of seconds`);
}

function texts(value: unknown, field: string): Record<string, string> {
  if (!isRecord(value)) throw invalid(`"${field}" in metadata.yaml is not a map`);
  const pairs = Object.entries(value).map(([key, item]) => {
    if (item === null) return [key, ""];
    if (item instanceof Date) return [key, item.toISOString()];
    if (typeof item !== "object") return [key, String(item)];
    throw invalid(`"${field}.${key}" in metadata.yaml is not text`);
  });
  return Object.fromEntries(pairs);
}

function templates(value: unknown): Record<string, ImageTemplate> {
  if (!isRecord(value)) throw invalid('"templates" in metadata.yaml is not a map');
  const rows = Object.entries(value).map(([path, row]): [string, ImageTemplate] => {
    const file = isRecord(row) ? row.template : undefined;
    if (!isRecord(row) || typeof file !== "string" || file.includes("/") || file === "..") {
      throw invalid(`the template for "${path}" in metadata.yaml names no file`);
    }
    const when = Array.isArray(row.when) ? row.when.filter(isOccasion) : [];
    return [path, {
      when,
      template: file,
      create_only: row.create_only === true,
      properties: texts(row.properties ?? {}, "properties"),
    }];
  });
  return Object.fromEntries(rows);
}

const isOccasion = (word: unknown): word is ImageTemplate["when"][number] =>
  word === "create" || word === "copy" || word === "start" || word === "rename";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
