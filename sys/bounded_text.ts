// The text of an answer of somebody who may mean harm, another server or the root of a guest: no longer than one can be
// in earnest.

import { DreyError } from "../errors.ts";

/** `bytes` of text that an answer may have; ten thousand instances with all that is known of them have a fifth of it */
const longest = 256 * 1024 * 1024;

/** @throws {DreyError} `TOO_LARGE` for an answer that has no end in sight; nothing more of it is read */
export async function boundedText({ body }: Response, limit = longest): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limit) {
      throw new DreyError("TOO_LARGE", { message: `The answer is longer than ${limit} bytes` });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** How a stream of text begins; the rest of it is read and forgotten, so that whoever writes it goes on. */
export async function beginningOf(stream: ReadableStream<Uint8Array>, limit = 65_536): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for await (const chunk of stream) {
    if (size < limit) text += decoder.decode(chunk.subarray(0, limit - size), { stream: true });
    size += chunk.length;
  }
  return text + decoder.decode();
}
