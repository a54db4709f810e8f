// Downloads of files whose size and SHA-256 are known beforehand. What has arrived stays on disk under the file's name,
// so that the next attempt, in this process or a later one, goes on from the byte it has.

import { createHash, type Hash } from "node:crypto";
import { DreyError } from "../errors.ts";
import { type Pass, writeAll } from "./fingerprint.ts";
import { ask, pause } from "./http.ts";

export interface RemoteFile {
  /** where it can be had, the best first */
  urls: readonly string[];
  /** bytes */
  size: number;
  sha256: string;
}

export interface DownloadOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** asked once for other headers wherever the server no longer lets us in */
  renew?(): Promise<Record<string, string>>;
  client?: Deno.HttpClient;
  /** told how many bytes are there, those of earlier attempts included */
  onProgress?(bytes: number): void;
  /** is handed all bytes in their order, once they are in the file, those of earlier attempts first */
  pass?: Pass;
  /** told when what was passed is of no more use, and nothing more will be passed */
  onRestart?(): void;
  /** `milliseconds` without a byte after which a connection counts as cut; a minute without it */
  stall?: number;
  /** `milliseconds` before the first new attempt, twice as many before each one after it */
  pace?: number;
}

/** how often a connection may break in a row without having brought a single byte */
const fruitless = 5;

interface Progress {
  file: Deno.FsFile;
  hash: Hash;
  bytes: number;
}

/** Somebody who looks on for as long as the bytes go on from each other. */
interface Onlooker {
  pass: Pass;
  restart(): void;
}

function onlookerOf({ pass, onRestart }: DownloadOptions): Onlooker {
  let isLooking = pass !== undefined;
  let hasSeen = false;
  return {
    async pass(chunk) {
      hasSeen = true;
      if (isLooking) await pass?.(chunk);
    },
    restart() {
      if (!hasSeen) return;
      if (isLooking) onRestart?.();
      isLooking = false;
    },
  };
}

/**
 * Brings a file to `path`, complete and verified.
 *
 * @throws {DreyError} `NETWORK` if it cannot be had whole, `IMAGE_INVALID` if it is not what was promised, `NO_SPACE`
 */
export async function downloadFile(
  wanted: RemoteFile,
  path: string,
  options: DownloadOptions = {},
): Promise<void> {
  // a file that was spoilt on its way is fetched anew from each address, and once more from the first
  const sources = [...wanted.urls, ...wanted.urls.slice(0, 1)];
  const onlooker = onlookerOf(options);
  for (const [index, url] of sources.entries()) {
    try {
      if (index > 0) onlooker.restart();
      return await downloadFrom(url, wanted, { path, options, onlooker });
    } catch (error) {
      const isLast = index === sources.length - 1;
      if (isLast || !(error instanceof DreyError) || !canRetry(error)) throw error;
    }
  }
}

const canRetry = ({ code }: DreyError) =>
  code === "IMAGE_INVALID" || code === "NETWORK" || code === "NOT_FOUND";

async function downloadFrom(
  url: string,
  wanted: RemoteFile,
  { path, options, onlooker }: { path: string; options: DownloadOptions; onlooker: Onlooker },
): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true, create: true });
  const progress = await takeUp(file, wanted.size, onlooker);
  let { headers } = options;
  let renewedAt = -1;
  for (let failed = 0; progress.bytes < wanted.size;) {
    const before = progress.bytes;
    try {
      await receive(url, wanted, { progress, options: { ...options, ...headers && { headers } }, onlooker });
    } catch (error) {
      options.signal?.throwIfAborted();
      const isOut = error instanceof DreyError && error.code === "FORBIDDEN";
      if (isOut && options.renew !== undefined && renewedAt < progress.bytes) {
        renewedAt = progress.bytes;
        headers = await options.renew();
        continue;
      }
      if (error instanceof DreyError) throw error;
      failed = progress.bytes > before ? 0 : failed + 1;
      if (failed === fruitless) throw broken(url, error);
      await pause((options.pace ?? 200) * 2 ** failed, options.signal);
    }
  }
  if (progress.hash.digest("hex") === wanted.sha256) return;
  await file.truncate(0);
  throw new DreyError("IMAGE_INVALID", {
    message: `Cannot use "${url}": its content does not have the SHA-256 it should have`,
    hint: "Either the server is being updated, in which case try again later, or somebody altered the file",
  });
}

/** Continues with what an earlier attempt has left. */
async function takeUp(file: Deno.FsFile, size: number, onlooker: Onlooker): Promise<Progress> {
  const hash = createHash("sha256");
  const left = (await file.stat()).size;
  if (left > size) {
    await file.truncate(0);
    return { file, hash, bytes: 0 };
  }
  const buffer = new Uint8Array(1 << 18);
  let bytes = 0;
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    const chunk = buffer.slice(0, count);
    hash.update(chunk);
    await onlooker.pass(chunk);
    bytes += count;
  }
  return { file, hash, bytes };
}

/** One request, from the first byte that is missing. Errors that are no `DreyError` mean that it broke off. */
async function receive(
  url: string,
  { size }: RemoteFile,
  { progress, options, onlooker }: { progress: Progress; options: DownloadOptions; onlooker: Onlooker },
): Promise<void> {
  using watch = watchdog(options);
  const range: Record<string, string> = progress.bytes > 0 ? { range: `bytes=${progress.bytes}-` } : {};
  const response = await ask(url, {
    // a file is wanted as it is, not as it travels
    headers: { "accept-encoding": "identity", ...options.headers, ...range },
    signal: watch.signal,
    accept: [416],
    ...(options.client && { client: options.client }),
  });
  if (response.status !== 206 && progress.bytes > 0) {
    onlooker.restart();
    await startOver(progress);
    // it has no ranges (200), or fewer bytes than we have (416)
    if (response.status === 416) return await response.body?.cancel();
  }
  const promised = promisedSize(response, progress.bytes);
  if (promised !== undefined && promised > size) {
    await response.body?.cancel();
    throw tooLong(url, size);
  }
  for await (const chunk of response.body ?? []) {
    watch.rest();
    if (progress.bytes + chunk.length > size) throw tooLong(url, size);
    progress.hash.update(chunk);
    await writeAll(progress.file, chunk);
    await onlooker.pass(chunk);
    watch.feed();
    progress.bytes += chunk.length;
    options.onProgress?.(progress.bytes);
  }
  if (progress.bytes < size) throw new Error("the connection ended early");
}

async function startOver(progress: Progress): Promise<void> {
  await progress.file.truncate(0);
  await progress.file.seek(0, Deno.SeekMode.Start);
  progress.hash = createHash("sha256");
  progress.bytes = 0;
}

/** How long the server says the whole file is. */
function promisedSize({ headers, status }: Response, have: number): number | undefined {
  const [, total] = /\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (total !== undefined) return Number(total);
  const length = headers.get("content-length");
  return length === null ? undefined : Number(length) + (status === 206 ? have : 0);
}

/** A signal that also fires when nothing has arrived for too long. */
function watchdog({ signal, stall = 60_000 }: DownloadOptions) {
  const silence = new AbortController();
  const bark = () => silence.abort(new Error("nothing arrived for too long"));
  let timer = setTimeout(bark, stall);
  return {
    signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
    /** while we are the slow ones */
    rest: () => clearTimeout(timer),
    feed() {
      clearTimeout(timer);
      timer = setTimeout(bark, stall);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function tooLong(url: string, size: number): DreyError {
  return new DreyError("IMAGE_INVALID", {
    message: `Cannot use "${url}": the server has more than the ${size} bytes the file should have`,
  });
}

function broken(url: string, cause: unknown): DreyError {
  return new DreyError("NETWORK", {
    message: `Cannot download "${url}": the connection breaks off again and again`,
    cause,
  });
}
