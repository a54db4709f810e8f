// The text of an answer that another server gives, who may mean harm: no longer than one can be in earnest.

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
      throw new DreyError("TOO_LARGE", { message: `The server's answer is longer than ${limit} bytes` });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
