// The OCI image format: manifests, lists of them, and the configuration of what runs. Docker's older names too.

import { DreyError } from "../errors.ts";
import { debianArchitecture } from "./metadata.ts";

export interface Descriptor {
  mediaType: string;
  /** `sha256:…` */
  digest: string;
  /** bytes */
  size: number;
}

export interface Manifest {
  config: Descriptor;
  /** the lowest first */
  layers: Descriptor[];
}

/** What an image says about the process it is for. */
export interface ImageConfig {
  architecture: string;
  created: string;
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  user: string;
  workdir: string;
  stopSignal: string;
  ports: string[];
  labels: Record<string, string>;
}

/** What is kept of an image besides its layers: the file `<fingerprint>` of it. */
export interface OciDocument {
  oci: 1;
  /** as people name it, `nginx:alpine` */
  name: string;
  manifest: Manifest;
  config: ImageConfig;
  /** both as they came, to the byte: what an archive of the image must hold. Absent in images of earlier drey */
  raw?: RawDocuments;
}

export interface RawDocuments {
  manifest: string;
  config: string;
}

const lists = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
export const manifestTypes = [
  ...lists,
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

type Json = Record<string, unknown>;

export const isManifestList = (document: unknown): boolean => Array.isArray(record(document).manifests);

/**
 * The digest of the manifest for Linux on an architecture.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export function pickPlatform(document: unknown, architecture: string): string {
  const wanted = debianArchitecture(architecture).replace("armhf", "arm").replace("i386", "386");
  const entries = (record(document).manifests as unknown[]).map(record);
  const fits = entries.filter(({ platform }) =>
    record(platform).os === "linux" && record(platform).architecture === wanted
  );
  // the plain one before those for newer processors of the family
  const chosen = fits.find(({ platform }) => record(platform).variant === undefined) ?? fits[0];
  const digest = text(chosen?.digest);
  if (isDigest(digest)) return digest;
  const has = entries.map(({ platform }) =>
    `${text(record(platform).os)}/${text(record(platform).architecture)}`
  );
  throw new DreyError("NOT_FOUND", {
    message: `The image has no version for linux/${wanted}; it has ${[...new Set(has)].join(", ")}`,
  });
}

/** @throws {DreyError} `IMAGE_INVALID`, `NOT_SUPPORTED` */
export function parseManifest(document: unknown): Manifest {
  const { config, layers, schemaVersion } = record(document);
  if (schemaVersion === 1) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Cannot use the image: its manifest is of Docker's schema 1, which registries have given up",
      hint: "Pull it with an old Docker and push it again with a newer one, or ask whoever keeps it to do so",
    });
  }
  if (!Array.isArray(layers)) throw wrong("its manifest names no layers");
  if (layers.length > 200) throw wrong("it has more than 200 layers");
  return { config: descriptor(config), layers: layers.map(descriptor) };
}

function descriptor(value: unknown): Descriptor {
  const { mediaType, digest, size } = record(value);
  if (!isDigest(text(digest)) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw wrong("its manifest names a blob without SHA-256 and size");
  }
  return { mediaType: text(mediaType), digest: text(digest), size };
}

/** @throws {DreyError} `IMAGE_INVALID` */
export function parseConfig(document: unknown): ImageConfig {
  const { architecture, created, os, config } = record(document);
  if (os !== undefined && os !== "linux") throw wrong(`it is for ${text(os)}, not for Linux`);
  const { Entrypoint, Cmd, Env, User, WorkingDir, StopSignal, ExposedPorts, Labels } = record(config);
  const env = texts(Env).map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
  });
  return {
    architecture: text(architecture),
    created: Number.isNaN(Date.parse(text(created))) ? "1970-01-01T00:00:00Z" : text(created),
    entrypoint: texts(Entrypoint),
    cmd: texts(Cmd),
    env: Object.fromEntries(env),
    user: text(User),
    workdir: text(WorkingDir) || "/",
    stopSignal: text(StopSignal) || "SIGTERM",
    ports: Object.keys(record(ExposedPorts)),
    labels: Object.fromEntries(Object.entries(record(Labels)).map(([key, value]) => [key, text(value)])),
  };
}

/** Words as a line of a shell, for a person to read and to change. */
export function quoteWords(words: readonly string[]): string {
  return words.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}

/**
 * The words of such a line: blanks part them, quotes and backslashes keep blanks.
 *
 * @throws {DreyError} `BAD_REQUEST` for a quote without its other half
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const c = line[at] as string;
    if (quote === "" && /\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === "" && (c === "'" || c === '"')) {
      quote = c;
      word ??= "";
    } else if (c === quote) quote = "";
    else if (c === "\\" && quote !== "'" && at + 1 < line.length) word = (word ?? "") + line[++at];
    else word = (word ?? "") + c;
  }
  if (quote !== "") {
    throw new DreyError("BAD_REQUEST", { message: `Cannot read the command "${line}": a quote is open` });
  }
  return word === undefined ? words : [...words, word];
}

const isDigest = (value: string) => /^sha256:[0-9a-f]{64}$/.test(value);
const text = (value: unknown) => typeof value === "string" ? value : "";
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((v) => typeof v === "string") : [];
const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
const wrong = (why: string) => new DreyError("IMAGE_INVALID", { message: `Cannot use the image: ${why}` });
