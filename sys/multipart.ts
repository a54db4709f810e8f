// multipart/form-data as streams, both ways, so that an image never has to fit into memory (RFC 7578).

import { DreyError } from "../errors.ts";

export interface PartSource {
  name: string;
  filename: string;
  /** opened when its turn comes */
  open(): Promise<{ readable: ReadableStream<Uint8Array> }>;
}

export interface Part {
  name: string;
  filename: string | undefined;
  /** must be read to its end before the next part is asked for */
  body: ReadableStream<Uint8Array>;
}

/** A body made of files. */
export function multipartBody(parts: readonly PartSource[]): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  contentType: string;
} {
  const boundary = `drey-${crypto.randomUUID()}`;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const encode = (text: string) => new TextEncoder().encode(text);
    for (const { name, filename, open } of parts) {
      const disposition = `form-data; name="${name}"; filename="${filename.replaceAll('"', "%22")}"`;
      yield encode(`--${boundary}\r\nContent-Disposition: ${disposition}\r\n`);
      yield encode("Content-Type: application/octet-stream\r\n\r\n");
      yield* (await open()).readable;
      yield encode("\r\n");
    }
    yield encode(`--${boundary}--\r\n`);
  }
  const body = ReadableStream.from(bytes()) as ReadableStream<Uint8Array<ArrayBuffer>>;
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

/**
 * The parts of a body, one after the other.
 *
 * @throws {DreyError} `SERVER_FAILED` for a body that is not multipart or ends too early
 */
export async function* readParts(
  body: ReadableStream<Uint8Array>,
  contentType: string,
): AsyncGenerator<Part> {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw malformed("it names no boundary");
  const source = new Window(body.getReader());
  // the first boundary has no line break before it: one is put there, so that all look alike
  source.prepend("\r\n");
  await drain(source.until(`\r\n--${boundary}`));
  while (true) {
    if (await source.text(2) === "--") return;
    const headers = await readHeaders(source);
    const disposition = headers.get("content-disposition") ?? "";
    const content = source.until(`\r\n--${boundary}`);
    yield {
      name: /\bname="([^"]*)"/.exec(disposition)?.[1] ?? "",
      filename: /\bfilename="([^"]*)"/.exec(disposition)?.[1],
      body: ReadableStream.from(content),
    };
  }
}

async function readHeaders(source: Window): Promise<Map<string, string>> {
  const decoder = new TextDecoder();
  let text = "";
  // the line break that ends the boundary's line was read already; a part without headers begins with another
  for await (const chunk of source.until("\r\n\r\n")) text += decoder.decode(chunk, { stream: true });
  return new Map(
    text.split("\r\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

const malformed = (why: string) =>
  new DreyError("SERVER_FAILED", { message: `Cannot read the multipart body: ${why}` });

/** What has arrived and not been read. */
class Window {
  #held = new Uint8Array(0);
  constructor(private readonly reader: ReadableStreamDefaultReader<Uint8Array>) {}

  prepend(text: string): void {
    this.#held = concat(new TextEncoder().encode(text), this.#held);
  }

  /** `length` bytes as text. */
  async text(length: number): Promise<string> {
    while (this.#held.length < length) await this.#more();
    return new TextDecoder().decode(this.#take(length));
  }

  /** Everything before a mark, which is read as well. */
  async *until(mark: string): AsyncGenerator<Uint8Array> {
    const wanted = new TextEncoder().encode(mark);
    while (true) {
      const at = indexOf(this.#held, wanted);
      if (at !== -1) {
        const before = this.#take(at);
        this.#take(wanted.length);
        if (before.length > 0) yield before;
        return;
      }
      // the mark may begin in the last bytes held
      const safe = this.#held.length - wanted.length + 1;
      if (safe > 0) yield this.#take(safe);
      await this.#more();
    }
  }

  #take(length: number): Uint8Array {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.reader.read();
    if (done) throw malformed("it ends in the middle");
    this.#held = concat(this.#held, value);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const first = wanted[0] as number;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
