// multipart/form-data as a stream, both ways: files larger than memory come and go in it, RFC 7578.

import { DreyError, type ErrorCode } from "../errors.ts";

/** A file to send as a part. */
export interface OutgoingPart {
  name: string;
  filename: string;
  /** in bytes, if that is known */
  size?: number;
  /** called when its turn comes */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

export interface Part {
  name: string;
  filename?: string;
  /** to be read to its end before the next part is asked for; what is left unread is skipped */
  content: AsyncIterable<Uint8Array>;
}

/** A body made of files, with its length if theirs are known. */
export function multipartBody(parts: readonly OutgoingPart[]): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  contentType: string;
  length: number | undefined;
} {
  const boundary = `drey-${crypto.randomUUID()}`;
  const encode = (text: string) => new TextEncoder().encode(text);
  const heads = parts.map(({ name, filename }, index) =>
    encode(
      `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Disposition: form-data; name="${name}"; ` +
        `filename="${
          filename.replace(/["\r\n]/g, encodeURIComponent)
        }"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    )
  );
  const end = encode(`\r\n--${boundary}--\r\n`);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const [index, part] of parts.entries()) {
      yield heads[index]!;
      yield* await part.open();
    }
    yield end;
  }
  const sizes = parts.map(({ size }) => size);
  const content = sizes.every((size) => size !== undefined)
    ? sizes.reduce((sum, size) => sum + size, 0)
    : undefined;
  return {
    body: ReadableStream.from(bytes()) as ReadableStream<Uint8Array<ArrayBuffer>>,
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: content === undefined
      ? undefined
      : heads.reduce((sum, head) => sum + head.length, content + end.length),
  };
}

/** The boundary of a multipart content type, if it is one. */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] =
    /^multipart\/form-data\b.*;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

/**
 * The parts of a body, one after the other.
 *
 * @param code of the error for a body that is cut off, or none of this kind
 */
export async function* readMultipart(
  body: AsyncIterable<Uint8Array>,
  { boundary, code }: { boundary: string; code: ErrorCode },
): AsyncGenerator<Part> {
  const broken = () => new DreyError(code, { message: "The body is no whole multipart/form-data" });
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  const window = new Window(body, broken);
  await skip(window.until(delimiter));
  while (true) {
    const after = (await window.line()).trim();
    if (after === "--") return;
    if (after !== "") throw broken();
    const headers = await readHeaders(window, broken);
    const disposition = headers["content-disposition"] ?? "";
    const content = window.until(delimiter);
    const filename = parameter(disposition, "filename");
    yield { name: parameter(disposition, "name") ?? "", ...filename !== undefined && { filename }, content };
    await skip(content);
  }
}

/** longest header line worth reading, in bytes */
const lineLimit = 16_384;

/** The part of a stream that has come and has not been used. */
class Window {
  readonly #chunks: AsyncIterator<Uint8Array>;
  // the first delimiter may stand at the very start, without the line end before it
  #bytes: Uint8Array = new Uint8Array([13, 10]);

  constructor(stream: AsyncIterable<Uint8Array>, private readonly broken: () => DreyError) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** everything before the next delimiter, which is passed over; reading on after that gives nothing */
  async *until(delimiter: Uint8Array): AsyncGenerator<Uint8Array> {
    const find = finder(delimiter);
    while (true) {
      const at = find(this.#bytes);
      const end = at >= 0 ? at : this.#bytes.length - startOf(delimiter, this.#bytes);
      const part = this.#bytes.subarray(0, end);
      this.#bytes = this.#bytes.subarray(at >= 0 ? at + delimiter.length : end);
      if (part.length > 0) yield part;
      if (at >= 0) return;
      await this.#more();
    }
  }

  /** one line, without its end */
  async line(): Promise<string> {
    while (true) {
      const end = this.#bytes.indexOf(10);
      if (end >= 0) {
        const text = new TextDecoder().decode(this.#bytes.subarray(0, end));
        this.#bytes = this.#bytes.subarray(end + 1);
        return text.replace(/\r$/, "");
      }
      if (this.#bytes.length > lineLimit) throw this.broken();
      // the end mark need not be followed by a line end
      if (this.#bytes.length === 2 && this.#bytes[0] === 45 && this.#bytes[1] === 45) return "--";
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw this.broken();
    if (this.#bytes.length === 0) {
      this.#bytes = next.value;
      return;
    }
    const joined = new Uint8Array(this.#bytes.length + next.value.length);
    joined.set(this.#bytes);
    joined.set(next.value, this.#bytes.length);
    this.#bytes = joined;
  }
}

/** Finds a word by looking at its last byte only, and mostly at none of those it leaps over; Horspool's way. */
function finder(word: Uint8Array): (bytes: Uint8Array) => number {
  const last = word.length - 1;
  const leap = new Uint8Array(256).fill(Math.min(255, word.length));
  for (let at = 0; at < last; at++) leap[word[at]!] = Math.min(255, last - at);
  return (bytes) => {
    for (let at = last; at < bytes.length; at += leap[bytes[at]!]!) {
      let length = 0;
      while (length <= last && bytes[at - length] === word[last - length]) length++;
      if (length > last) return at - last;
    }
    return -1;
  };
}

/** How many of the last bytes may be the start of a word. */
function startOf(word: Uint8Array, bytes: Uint8Array): number {
  const [first = 0] = word;
  for (let at = Math.max(0, bytes.length - word.length + 1); at < bytes.length; at++) {
    at = bytes.indexOf(first, at);
    if (at < 0) return 0;
    const tail = bytes.subarray(at);
    if (tail.every((byte, index) => byte === word[index])) return tail.length;
  }
  return 0;
}

async function readHeaders(window: Window, broken: () => DreyError): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let line = await window.line(); line !== ""; line = await window.line()) {
    const colon = line.indexOf(":");
    if (colon < 0 || Object.keys(headers).length > 50) throw broken();
    headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function parameter(header: string, name: string): string | undefined {
  const [, quoted, plain] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(header) ?? [];
  return quoted?.replace(/\\(.)/g, "$1") ?? plain;
}

async function skip(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}
