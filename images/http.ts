// Requests to servers of images: polite to those that ask for patience, patient with those that fail now and then.

import { concat } from "@std/bytes";
import { DreyError } from "../errors.ts";
import { clientFor } from "./proxies.ts";

export interface AskOptions {
  method?: "GET" | "HEAD" | "POST";
  /** what becomes of a request that is sent on; followed without it */
  redirect?: "error";
  headers?: Record<string, string>;
  body?: BodyInit;
  signal?: AbortSignal;
  /** statuses besides 2xx that the caller understands */
  accept?: readonly number[];
  /** connection settings, such as the certificate a server is known by */
  client?: Deno.HttpClient;
}

/** how often a request is sent before its failure counts */
const attempts = 5;
/** longest `milliseconds` a server may make us wait before the next attempt */
const longestPause = 60_000;
/** `bytes` of text that are taken from a server: the longest lists of images have a tenth of that */
const longestText = 1 << 26;
/** answers that a later attempt may better */
const passing = [408, 429, 500, 502, 503, 504];

/**
 * Sends a request until it is answered with 2xx or a status the caller accepts. Redirects are followed.
 *
 * @throws {DreyError} `NETWORK` if the server cannot be reached or fails for good, `NOT_FOUND` for 404,
 *   `FORBIDDEN` for 401 and 403
 */
export async function ask(url: string, options: AskOptions = {}): Promise<Response> {
  const { accept = [], client, ...init } = options;
  for (let attempt = 1;; attempt++) {
    const answer = await send(url, { ...init, ...(client && { client }) });
    if (answer instanceof Response && (answer.ok || accept.includes(answer.status))) return answer;
    const failure = answer instanceof Response ? await refusal(url, answer) : answer;
    if (failure.code === "BAD_REQUEST") throw failure;
    const isPassing = !(answer instanceof Response) || passing.includes(answer.status);
    // nobody at all is less likely to be there in a moment than somebody who is busy
    if (!isPassing || attempt === (answer instanceof Response ? attempts : 3)) throw failure;
    const asked = answer instanceof Response ? retryAfter(answer.headers.get("retry-after")) : undefined;
    if (asked !== undefined && asked > longestPause) throw failure;
    await pause(asked ?? 100 * 2 ** attempt, options.signal);
  }
}

async function send(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient },
): Promise<Response | DreyError> {
  // fetch() would also read files of this host, and addresses come from servers
  if (!/^https?:/i.test(url)) {
    return new DreyError("BAD_REQUEST", { message: `Cannot ask "${url.slice(0, 200)}": no web address` });
  }
  try {
    const client = init.client ?? clientFor(url);
    return await fetch(url, { ...init, ...(client && { client }) });
  } catch (error) {
    init.signal?.throwIfAborted();
    return new DreyError("NETWORK", {
      message: `Cannot reach "${hostOf(url)}": ${reason(error)}`,
      cause: error,
    });
  }
}

async function refusal(url: string, response: Response): Promise<DreyError> {
  await response.body?.cancel();
  const { status } = response;
  const code = status === 404 ? "NOT_FOUND" : status === 401 || status === 403 ? "FORBIDDEN" : "NETWORK";
  return new DreyError(code, { message: `Cannot get "${plain(url)}": the server answered ${status}` });
}

/** `Retry-After` in milliseconds from now: seconds or a date. RFC 9110, 10.2.3 */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Waits, unless the signal ends it first. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener("abort", stop);
    resolve();
  }, milliseconds);
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  return promise;
}

/** What a server answered, whole. @throws {DreyError} `NETWORK` if it is too much, as from one that never ends */
export async function readBytes(response: Response, limit: number = longestText): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > limit) {
      throw new DreyError("NETWORK", {
        message: `Cannot use the answer of "${hostOf(response.url)}": it is longer than ${limit} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** The same as text. */
export const readText = async (response: Response, limit?: number): Promise<string> =>
  new TextDecoder().decode(await readBytes(response, limit));

/** The JSON a server answered with. @throws {DreyError} `NETWORK` if it is none, or too much */
export async function readJson(response: Response): Promise<unknown> {
  return parseJson(await readText(response), `the answer of "${hostOf(response.url)}"`);
}

/** JSON that came from a server. @throws {DreyError} `NETWORK` if it is none */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DreyError("NETWORK", { message: `Cannot use ${what}: it is no JSON`, cause: error });
  }
}

const hostOf = (url: string) => URL.canParse(url) ? new URL(url).host : url;

/** An address without what may be secret in it. */
function plain(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Why fetch() reached nobody, without the address that it says too. */
export function reason(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = deepest instanceof Error ? deepest.message : String(deepest);
  return text.replace(/^error sending request for url \([^)]*\):?\s*/, "").split("\n")[0] ?? "";
}
