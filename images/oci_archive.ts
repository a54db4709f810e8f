// Archives of OCI images: tarballs of the specification's image layout, as skopeo and podman read and write them.

import { join } from "@std/path";
import { bytesOf } from "../sys/file_bytes.ts";
import { exists } from "../sys/present.ts";
import { openSha256 } from "../sys/sha256.ts";
import { DreyError } from "../errors.ts";
import { type Compression, invalid, readFormat } from "./archive.ts";
import { isLayoutFile } from "./checks.ts";
import { decompress } from "./decompress.ts";
import { plainName } from "./entries.ts";
import { writeAll } from "./fingerprint.ts";
import {
  type ImageConfig,
  isManifestList,
  type Manifest,
  manifestTypes,
  parseConfig,
  parseManifest,
  pickPlatform,
  type RawDocuments,
} from "./oci.ts";
import { ByteReader, type MetEntry, padded, readTar, tarHeader, writeTar, writeTarHead } from "./tar.ts";

/** An image that was taken out of an archive. */
export interface ArchivedImage {
  /** of its manifest, `sha256:…` */
  digest: string;
  /** as whoever wrote the archive called it; may be empty */
  name: string;
  manifest: Manifest;
  config: ImageConfig;
  raw: RawDocuments;
}

const nameKeys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
/** longest document worth reading, in bytes */
const documentLimit = 4 << 20;

/** Whether a file is such an archive, as its first entries tell. */
export async function isOciArchive(path: string): Promise<boolean> {
  try {
    const format = await readFormat(path);
    return format.kind === "tar" && await beginsAsLayout(path, format.compression);
  } catch (error) {
    // what is damaged that early is no archive of any kind
    if (error instanceof DreyError && error.code === "IMAGE_INVALID") return false;
    throw error;
  }
}

async function beginsAsLayout(path: string, compression: Compression): Promise<boolean> {
  await using plain = decompress(bytesOf(path), compression);
  const chunks = plain.bytes[Symbol.asyncIterator]();
  try {
    for await (const { entry } of readTar(new ByteReader({ [Symbol.asyncIterator]: () => chunks }))) {
      if (entry.type !== "directory") return isLayoutFile(plainName(entry.name));
    }
    return false;
  } finally {
    await chunks.return?.();
  }
}

/**
 * Takes an archive apart: each blob is held against the digest it is named by, and put into a directory under that.
 *
 * @param architecture which image is wanted, if it holds several
 * @throws {DreyError} `IMAGE_INVALID`, `NOT_FOUND` if it has none for the architecture, `NO_SPACE`
 */
export async function openOciArchive(
  path: string,
  { directory, architecture }: { directory: string; architecture: string },
): Promise<ArchivedImage> {
  const format = await readFormat(path);
  if (format.kind !== "tar") throw invalid("it is no archive of an application image");
  let index: string | undefined;
  await using plain = decompress(bytesOf(path), format.compression);
  try {
    for await (const met of readTar(new ByteReader(plain.bytes))) {
      const name = plainName(met.entry.name);
      if (met.entry.type !== "file") continue;
      if (name === "index.json") index = await documentOf(met);
      const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name) ?? [];
      if (hex !== undefined) await writeBlob(met, join(directory, hex), hex);
    }
  } catch (error) {
    throw await plain.blame(error);
  }
  await plain.finish();
  if (index === undefined) throw invalid("it holds no index.json");
  return chosen(parsed(index), { directory, architecture });
}

async function documentOf({ entry, read }: MetEntry): Promise<string> {
  if (entry.size > documentLimit) throw invalid(`its "${entry.name}" is longer than 4 MiB`);
  return new TextDecoder().decode(await read());
}

async function writeBlob({ stream }: MetEntry, path: string, hex: string): Promise<void> {
  // twice in one archive is once too often, and harmless
  if (exists(path)) return;
  const hash = await openSha256();
  using file = await Deno.open(path, { write: true, createNew: true });
  for await (const chunk of stream()) {
    await hash.update(chunk);
    await writeAll(file, chunk);
  }
  if (hash.hex() !== hex) {
    throw invalid(`its blob ${hex.slice(0, 12)} does not have the digest it is named by`);
  }
  // whatever the umask: root of a map is to read it; the directory keeps others out
  await Deno.chmod(path, 0o644);
}

/** The image among what the index names. */
async function chosen(
  index: unknown,
  { directory, architecture }: { directory: string; architecture: string },
): Promise<ArchivedImage> {
  const blob = async (digest: string) => {
    const path = join(directory, digest.slice("sha256:".length));
    if (!exists(path)) throw invalid(`it lacks the blob ${digest}`);
    if ((await Deno.stat(path)).size > documentLimit) throw invalid(`its blob ${digest} is no document`);
    return await Deno.readTextFile(path);
  };
  let document = index;
  let name = "";
  let found = { digest: "", text: "" };
  for (let depth = 0; depth === 0 || isManifestList(document); depth++) {
    if (depth > 4) throw invalid("its indexes name each other");
    const entries = (document as { manifests?: Entry[] } | null)?.manifests ?? [];
    if (entries.length === 0) throw invalid("its index names no image");
    const [only] = entries;
    if (entries.length > 1 && entries.every(({ platform }) => platform === undefined)) {
      throw invalid("it holds several images, where one was expected");
    }
    const digest = entries.length === 1 && /^sha256:[0-9a-f]{64}$/.test(String(only?.digest))
      ? String(only?.digest)
      : pickPlatform(document, architecture);
    const annotations = entries.find((entry) => entry.digest === digest)?.annotations ?? {};
    name ||= nameKeys.map((key) => annotations[key]).find((text) => typeof text === "string") ?? "";
    found = { digest, text: await blob(digest) };
    document = parsed(found.text);
  }
  const manifest = parseManifest(document);
  for (const { digest, size } of manifest.layers) {
    const path = join(directory, digest.slice("sha256:".length));
    if (!exists(path)) throw invalid(`it lacks the blob ${digest}`);
    if ((await Deno.stat(path)).size !== size) {
      throw invalid(`its blob ${digest} has another size than it says`);
    }
  }
  const config = await blob(manifest.config.digest);
  const raw = { manifest: found.text, config };
  return { digest: found.digest, name, manifest, config: parseConfig(parsed(config)), raw };
}

interface Entry {
  digest?: unknown;
  platform?: unknown;
  annotations?: Record<string, string>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid("a document of it is no JSON", error);
  }
}

export interface ArchiveSource extends Pick<ArchivedImage, "digest" | "name" | "manifest" | "raw"> {
  /** where the file of a layer lies */
  layer(digest: string): string;
}

/** An image as an archive, the same bytes each time. */
export function ociArchive({ digest, name, manifest, raw, layer }: ArchiveSource): {
  size: number;
  bytes(): AsyncGenerator<Uint8Array>;
} {
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const text = (value: string) => new TextEncoder().encode(value);
  const mtime = new Date(0);
  const blobName = (of: string) => `blobs/sha256/${of.slice("sha256:".length)}`;
  const mediaType = (JSON.parse(raw.manifest) as { mediaType?: string }).mediaType ?? manifestTypes[2];
  const manifestText = text(raw.manifest);
  const annotations = { [nameKeys[1]!]: name };
  const entry = { mediaType, digest, size: manifestText.length, ...name !== "" && { annotations } };
  const head = writeTarHead([
    { name: "oci-layout", content: encode({ imageLayoutVersion: "1.0.0" }), mtime },
    { name: "index.json", content: encode({ schemaVersion: 2, manifests: [entry] }), mtime },
    // named, since some readers want to give those they have to make themselves to root
    { name: "blobs/", content: new Uint8Array(), mtime },
    { name: "blobs/sha256/", content: new Uint8Array(), mtime },
    { name: blobName(digest), content: manifestText, mtime },
    { name: blobName(manifest.config.digest), content: text(raw.config), mtime },
  ]);
  const layers = [...new Map(manifest.layers.map((one) => [one.digest, one])).values()];
  const end = writeTar([]);
  async function* bytes() {
    yield head;
    for (const { digest, size } of layers) {
      yield tarHeader({ name: blobName(digest), size, mtime });
      yield* bytesOf(layer(digest));
      yield new Uint8Array(padded(size) - size);
    }
    yield end;
  }
  const size = layers.reduce((sum, { size }) => sum + padded(size) + 512, head.length + end.length);
  return { size, bytes };
}

/** Whether the documents are those an image is known by, to the byte. */
export async function areTrue(raw: RawDocuments, digests: RawDocuments): Promise<boolean> {
  const digest = async (text: string) => {
    const hash = await openSha256();
    await hash.update(new TextEncoder().encode(text));
    return `sha256:${hash.hex()}`;
  };
  return await digest(raw.manifest) === digests.manifest && await digest(raw.config) === digests.config;
}
