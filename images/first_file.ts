// The first file of a split image: metadata.yaml and a few templates, a kilobyte or two. It is read here and its files are
// written by drey, where tar in the jail and what follows it would be a dozen programs.

import { concat } from "@std/bytes";
import { detectFormat, headLength } from "./archive.ts";
import { type Bytes, peek } from "./decompress.ts";
import { decompressSmall } from "./decompress_small.ts";
import { plainName } from "./entries.ts";
import { type Visit, walkTar } from "./gate.ts";

/** most `bytes` that are held, packed and plain */
const [mostPacked, mostPlain] = [1 << 16, 1 << 20];

/** A file, perhaps still on its way. */
interface Coming {
  path: string;
  content: Bytes;
  isWhole?: boolean;
}

/** A file that is small enough to be held whole, or else all of it as a stream. */
type Held = { bytes: Uint8Array } | { content: Bytes };

/** Takes in a file if it is small; of another it takes no more than that, and nothing if all of it lies at its path. */
export async function hold({ path, content, isWhole }: Coming): Promise<Held> {
  if (isWhole && (await Deno.stat(path)).size > mostPacked) return { content };
  const { head, whole } = await peek(content);
  // whoever sends something else need not end
  if (detectFormat(head)?.kind !== "tar") return { content: whole };
  const chunks = whole[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size <= mostPacked) {
    const { value, done } = await chunks.next();
    if (done) return { bytes: concat(parts) };
    // its memory may be used again
    parts.push(value.slice());
    size += value.length;
  }
  async function* all(): Bytes {
    try {
      yield* parts;
      yield* { [Symbol.asyncIterator]: () => chunks };
    } finally {
      await chunks.return?.();
    }
  }
  return { content: all() };
}

/** The bytes of a file as a stream. */
export async function* inOnePiece(bytes: Uint8Array): Bytes {
  yield await Promise.resolve(bytes);
}

/**
 * Writes what a small tarball holds into a directory.
 *
 * @returns false, with nothing written, if that is anything but metadata.yaml and templates
 * @throws {DreyError} `IMAGE_INVALID`, and whatever `visit` throws
 */
export async function writeSmall(directory: string, bytes: Uint8Array, visit: Visit): Promise<boolean> {
  const format = detectFormat(bytes.subarray(0, headLength));
  if (format?.kind !== "tar") return false;
  const plain = await decompressSmall(bytes, format.compression, 2 * mostPlain);
  const files = plain && await smallFiles(plain, visit);
  if (files === undefined) return false;
  for (const [name, content] of files) {
    const path = `${directory}/${name}`;
    if (content === undefined) Deno.mkdirSync(path, { recursive: true });
    else Deno.writeFileSync(path, content);
    // whatever the umask: somebody else, root of a map, may want to read it
    Deno.chmodSync(path, content === undefined ? 0o755 : 0o644);
  }
  return true;
}

/** Contents by name, none for the directory; undefined if there is more than drey writes itself. */
async function smallFiles(bytes: Uint8Array, visit: Visit) {
  const files = new Map<string, Uint8Array<ArrayBuffer> | undefined>();
  let [isSmall, plain] = [true, 0];
  await walkTar(inOnePiece(bytes), "none", async (entry, read) => {
    let content: Uint8Array | undefined;
    const readOnce = async () => content ??= await read();
    await visit(entry, readOnce);
    const name = plainName(entry.name);
    plain += entry.size;
    isSmall &&= plain <= mostPlain && placeOf(name) === entry.type;
    if (!isSmall || name === "") return;
    if (name.includes("/")) files.set(templates, undefined);
    files.set(name, entry.type === "file" ? new Uint8Array(await readOnce()) : undefined);
  });
  return isSmall ? files : undefined;
}

const templates = "templates";

/** What may stand under a name; undefined if nothing that drey writes itself, such as letters beyond ASCII. */
function placeOf(name: string): "file" | "directory" | undefined {
  if (name === "" || name === templates) return "directory";
  return name === "metadata.yaml" || /^templates\/[ -.0-~]+$/.test(name) ? "file" : undefined;
}
