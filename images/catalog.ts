// The catalog of a simplestreams server, kept on disk: asked for again only when it is old, and then only whether it
// has changed (ETag, Last-Modified). A server that is away leaves us with what it said last.

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { ask, readText } from "./http.ts";
import { type CatalogImage, parseIndex, parseProducts } from "./simplestreams.ts";
import { readSigned } from "./signed.ts";

export interface CatalogOptions {
  /** where answers are kept, a directory per server */
  directory: string;
  now(): Date;
  signal?: AbortSignal;
  /** asks the server even if the last answer is young */
  refresh?: boolean;
  /** rather fails than to answer with what a server that is away said last */
  mustAnswer?: boolean;
}

/** `milliseconds` an answer is taken for granted */
const young = 5 * 60_000;

/** What is known of a kept answer; `<file>.json` beside it. */
interface Kept {
  url: string;
  /** when the server last confirmed it, in ISO 8601 */
  asked: string;
  etag?: string;
  modified?: string;
}

/**
 * All images a server offers.
 *
 * @throws {DreyError} `NETWORK` if it cannot be reached and never was
 */
export async function readCatalog(server: string, options: CatalogOptions): Promise<CatalogImage[]> {
  const base = server.replace(/\/+$/, "");
  const index = await readDocument(`${base}/streams/v1/index.json`, options);
  const paths = parseIndex(index);
  const lists = await Promise.all(paths.map(async (path) => {
    return parseProducts(await readDocument(`${base}/${path}`, options));
  }));
  return lists.flat();
}

async function readDocument(url: string, options: CatalogOptions): Promise<unknown> {
  const host = new URL(url).host.replaceAll(":", "_");
  const directory = join(options.directory, `${host}-${digest(new URL(url).origin).slice(0, 8)}`);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, digest(url).slice(0, 32));
  const kept = await readKept(path);
  const age = kept === undefined ? Infinity : options.now().getTime() - Date.parse(kept.asked);
  if (kept !== undefined && !options.refresh && age >= 0 && age < young) return await readBody(path);
  try {
    return await askAgain(url, { path, kept, options });
  } catch (error) {
    // an old answer is better than none, as long as the server did not take it back
    if (!(error instanceof DreyError) || error.code !== "NETWORK") throw error;
    if (kept === undefined || options.mustAnswer) throw error;
    return await readBody(path);
  }
}

async function askAgain(
  url: string,
  { path, kept, options }: { path: string; kept: Kept | undefined; options: CatalogOptions },
): Promise<unknown> {
  const headers = {
    accept: "application/json",
    ...(kept?.etag ? { "if-none-match": kept.etag } : {}),
    ...(kept?.modified ? { "if-modified-since": kept.modified } : {}),
  };
  const signed = await readSigned(url, options.signal);
  if (signed !== undefined) return await keep(path, signed, { url, asked: options.now().toISOString() });
  const response = await ask(url, {
    headers,
    accept: [304],
    ...(options.signal && { signal: options.signal }),
  });
  const asked = options.now().toISOString();
  if (response.status === 304 && kept !== undefined) {
    await response.body?.cancel();
    await replace(`${path}.json`, JSON.stringify({ ...kept, asked }));
    return await readBody(path);
  }
  const etag = response.headers.get("etag");
  const modified = response.headers.get("last-modified");
  return await keep(path, await readText(response), {
    url,
    asked,
    ...(etag && { etag }),
    ...(modified && { modified }),
  });
}

async function keep(path: string, body: string, kept: Kept): Promise<unknown> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch (error) {
    throw new DreyError("NETWORK", { message: `Cannot use "${kept.url}": it is no JSON`, cause: error });
  }
  await replace(path, body);
  await replace(`${path}.json`, JSON.stringify(kept));
  return document;
}

async function readKept(path: string): Promise<Kept | undefined> {
  try {
    await Deno.stat(path);
    return JSON.parse(await Deno.readTextFile(`${path}.json`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const readBody = async (path: string): Promise<unknown> => JSON.parse(await Deno.readTextFile(path));

/** Whoever reads meanwhile sees the old text or the new. */
async function replace(path: string, text: string): Promise<void> {
  const partial = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(partial, text);
  await Deno.rename(partial, path);
}

const digest = (value: string) => createHash("sha256").update(value).digest("hex");
