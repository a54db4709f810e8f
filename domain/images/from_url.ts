// An image at an address of the web, LXD's way: the address answers with headers that say where the file is and what it
// hashes to.

import { DreyError } from "../../errors.ts";
import { ask, reason } from "../../images/http.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { byteProgress, reporter } from "./progress.ts";
import { type ReceivedImage, receiveImage } from "./receive.ts";

/** An image that has arrived, and what it must hash to. */
export interface DownloadedImage {
  received: ReceivedImage;
  fingerprint: string;
}

/**
 * Downloads the image that an address leads to.
 *
 * @throws {DreyError} `BAD_REQUEST` for an address that leads to none, `NETWORK`, `NOT_FOUND`, `FORBIDDEN`
 */
export async function downloadImage(context: Context, url: string, task: Task): Promise<DownloadedImage> {
  const { signal } = task;
  const { body, headers } = await ask(url, { method: "HEAD", signal });
  await body?.cancel();
  const [address, fingerprint] = [headers.get("lxd-image-url"), headers.get("lxd-image-hash")];
  if (address === null || fingerprint === null) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot download an image from "${url}": it names no LXD-Image-URL and LXD-Image-Hash`,
    });
  }
  const place = URL.canParse(address, url) ? new URL(address, url).href : address;
  mustBeWeb(place);
  const response = await ask(place, { signal });
  const filename = new URL(place).pathname.split("/").at(-1) ?? "";
  async function* parts() {
    yield await Promise.resolve({ name: "metadata", filename, content: contentOf(response, place, task) });
  }
  return { received: await receiveImage(context, parts()), fingerprint };
}

/** fetch() would also read files of this host, and a server says where the image is. @throws {DreyError} `BAD_REQUEST` */
export function mustBeWeb(url: string): void {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return;
  throw new DreyError("BAD_REQUEST", { message: `Cannot download an image from "${url}": no web address` });
}

/** The bytes as they come, told as progress where it is known how many there are. */
async function* contentOf(response: Response, place: string, task: Task): AsyncGenerator<Uint8Array> {
  const total = Number(response.headers.get("content-length") ?? 0);
  const report = reporter(task);
  const progress = total > 0 ? byteProgress(report, { total }) : undefined;
  let done = 0;
  try {
    for await (const chunk of response.body ?? []) {
      progress?.(done += chunk.length);
      yield chunk;
    }
  } catch (error) {
    task.signal.throwIfAborted();
    const message = `Cannot download "${place}": ${reason(error)}`;
    throw new DreyError("NETWORK", { message, cause: error });
  }
  await report.done();
}
