// multipart/form-data as a stream, both ways: files larger than memory come and go in it, RFC 7578.

import { DreyError } from "../errors.ts";

export interface Part {
  name: string;
  filename?: string;
  /** to be read to its end before the next part is asked for; what is left unread is skipped */
  content: AsyncIterable<Uint8Array>;
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
 * @throws {DreyError} `BAD_REQUEST` if it is cut off or no multipart body
 */
export async function* readMultipart(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<Part> {
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  const window = new Window(body);
  await skip(window.until(delimiter));
  while (true) {
    const after = (await window.line()).trim();
    if (after === "--") return;
    if (after !== "") throw broken();
    const headers = await readHeaders(window);
    const disposition = headers["content-disposition"] ?? "";
    const content = window.until(delimiter);
    const filename = parameter(disposition, "filename");
    yield {
      name: parameter(disposition, "name") ?? "",
      ...filename === undefined ? {} : { filename },
      content,
    };
    await skip(content);
  }
}

/** A file to send as a part. */
export interface OutgoingFile {
  part: string;
  filename: string;
  path: string;
  /** in bytes */
  size: number;
}

/** A multipart body of files, with its type and its length. */
export function multipartBody(
  files: readonly OutgoingFile[],
): { body: ReadableStream<Uint8Array>; type: string; length: number } {
  const boundary = crypto.randomUUID();
  const encode = (text: string) => new TextEncoder().encode(text);
  const head = ({ part, filename }: OutgoingFile, index: number) =>
    encode(
      `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Disposition: form-data; name="${part}"; ` +
        `filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    );
  const end = encode(`\r\n--${boundary}--\r\n`);
  async function* chunks() {
    for (const [index, file] of files.entries()) {
      yield head(file, index);
      yield* (await Deno.open(file.path)).readable;
    }
    yield end;
  }
  return {
    body: ReadableStream.from(chunks()),
    type: `multipart/form-data; boundary=${boundary}`,
    length: files.reduce((sum, file, index) => sum + head(file, index).length + file.size, end.length),
  };
}

/** longest header line worth reading, in bytes */
const lineLimit = 16_384;

/** The part of a stream that has come and has not been used. */
class Window {
  #chunks: AsyncIterator<Uint8Array>;
  // the first delimiter may stand at the very start, without the line end before it
  #bytes: Uint8Array = new Uint8Array([13, 10]);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** everything before the next delimiter, which is passed over; reading on after that gives nothing */
  async *until(delimiter: Uint8Array): AsyncGenerator<Uint8Array> {
    while (true) {
      const at = indexOf(this.#bytes, delimiter);
      if (at >= 0) {
        const last = this.#bytes.subarray(0, at);
        this.#bytes = this.#bytes.subarray(at + delimiter.length);
        if (last.length > 0) yield last;
        return;
      }
      // the last bytes may be the start of a delimiter
      const safe = this.#bytes.length - delimiter.length + 1;
      if (safe > 0) {
        const part = this.#bytes.subarray(0, safe);
        this.#bytes = this.#bytes.subarray(safe);
        yield part;
      }
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
      if (this.#bytes.length > lineLimit) throw broken();
      // the end mark need not be followed by a line end
      if (this.#bytes.length === 2 && this.#bytes[0] === 45 && this.#bytes[1] === 45) return "--";
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw broken();
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

async function readHeaders(window: Window): Promise<Record<string, string>> {
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

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const [first = 0, second] = wanted;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    // most are told apart by this, which is what the speed of an upload hangs on
    if (second !== undefined && bytes[at + 1] !== second) continue;
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

async function skip(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

function broken(): DreyError {
  return new DreyError("BAD_REQUEST", {
    message: "Invalid request body: it is no whole multipart/form-data",
  });
}
