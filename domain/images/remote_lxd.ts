// The `lxd` protocol: images of other servers, drey's or LXD's. A server is known by its certificate; an image that is
// not public comes with a secret that its server gave out for it.

import { type HttpsServer, ServerAgent } from "../../auth/connect.ts";
import { fetchOver } from "../../auth/https_fetch.ts";
import { DreyError } from "../../errors.ts";
import { readJson } from "../../images/http.ts";
import { boundaryOf, readMultipart } from "../../sys/multipart.ts";
import type { Image, ImageAliasesEntry } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { findKept, hereOrFetched, updatesCached } from "./kept.ts";
import { byteProgress, reporter } from "./progress.ts";
import { type ImagePart, receiveImage } from "./receive.ts";
import { takeIn } from "./take_in.ts";

export interface LxdWish {
  /** `https://host:port` */
  server: string;
  /** PEM; without it an authority must vouch for the server */
  certificate?: string;
  /** alias or fingerprint */
  name: string;
  /** project at the server */
  project?: string;
  secret?: string;
  type: Image["type"];
  task?: Task;
}

/**
 * The image another server has under a name, downloaded now if it is not here yet.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN` if the server is another one, and what a download throws
 */
export async function lxdImage(context: Context, project: string, wish: LxdWish): Promise<Image> {
  using server = openServer(wish);
  const info = await lookUp(context, project, { wish, server });
  if ("kept" in info) return info.kept;
  const { image } = info;
  const wanted = { ...wish, project, fingerprint: image.fingerprint };
  return await hereOrFetched(context, wanted, () => download(context, project, { image, wish, server }));
}

interface Server extends Disposable {
  get(path: string, query?: Record<string, string | undefined>): Promise<Response>;
}

function openServer({ server, certificate, task }: LxdWish): Server {
  if (!/^https:\/\//.test(server) || !URL.canParse(server)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot ask "${server}" for images: it is no https address`,
    });
  }
  const known: HttpsServer = { address: server, ...certificate && { certificate } };
  const agent = new ServerAgent(known);
  return {
    get(path, query = {}) {
      const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
      const url = `http://127.0.0.1${path}?${new URLSearchParams(pairs)}`;
      return fetchOver(agent, server, new Request(url, task && { signal: task.signal }));
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function lookUp(
  context: Context,
  project: string,
  { wish, server }: { wish: LxdWish; server: Server },
): Promise<{ image: Image } | { kept: Image }> {
  try {
    return { image: await find(server, wish) };
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "NETWORK") throw error;
    const kept = await findKept(context, project, { ...wish, protocol: "lxd" });
    if (kept === undefined) throw error;
    return { kept };
  }
}

async function find(server: Server, { name, project, secret, server: address }: LxdWish): Promise<Image> {
  const alias = await metadata<ImageAliasesEntry>(
    await server.get(`/1.0/images/aliases/${encodeURIComponent(name)}`, { project }),
  );
  const fingerprint = alias?.target ?? name;
  const image = /^[0-9a-f]{6,64}$/.test(fingerprint)
    ? await metadata<Image>(await server.get(`/1.0/images/${fingerprint}`, { project, secret }))
    : undefined;
  if (image !== undefined) return image;
  throw new DreyError("NOT_FOUND", {
    message: `The server "${address}" has no image "${name}", or not for everybody`,
  });
}

interface Answer<T> {
  type?: string;
  error?: string;
  metadata?: T;
}

/** What an answer holds; nothing if there is no such thing. */
async function metadata<T>(response: Response): Promise<T | undefined> {
  const body = await readJson(response).catch(() => undefined) as Answer<T> | undefined;
  if (response.ok && body?.type === "sync") return body.metadata;
  if (response.status === 404 || response.status === 403) return undefined;
  throw new DreyError("NETWORK", {
    message: `The server answered ${response.status}: ${body?.error ?? "no envelope"}`,
  });
}

async function download(
  context: Context,
  project: string,
  { image, wish, server }: { image: Image; wish: LxdWish; server: Server },
): Promise<void> {
  const { fingerprint } = image;
  const response = await server.get(`/1.0/images/${fingerprint}/export`, {
    project: wish.project,
    secret: wish.secret,
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new DreyError("NETWORK", { message: `The server gave no image: it answered ${response.status}` });
  }
  const report = reporter(wish.task);
  const show = byteProgress(report, { total: image.size });
  const auto_update = wish.name !== fingerprint && await updatesCached(context, project);
  await using received = await receiveImage(context, partsOf(response, response.body, show));
  await report.done();
  await takeIn(context, project, {
    ...received,
    expected: fingerprint,
    amend: (fresh) => ({
      ...fresh,
      filename: image.filename,
      properties: image.properties,
      expires_at: image.expires_at,
      created_at: image.created_at,
      cached: true,
      auto_update,
      update_source: {
        alias: wish.name,
        certificate: wish.certificate ?? "",
        protocol: "lxd",
        server: wish.server,
        image_type: image.type,
      },
    }),
  });
}

/** The files of an export: one as it is, or two as parts. */
async function* partsOf(
  { headers }: Response,
  body: ReadableStream<Uint8Array>,
  show: (bytes: number) => void,
): AsyncGenerator<ImagePart> {
  let done = 0;
  async function* counted(content: AsyncIterable<Uint8Array>) {
    for await (const chunk of content) {
      done += chunk.length;
      show(done);
      yield chunk;
    }
  }
  const type = headers.get("content-type") ?? "";
  const boundary = boundaryOf(type);
  if (boundary === undefined) {
    const filename = /filename="?([^";]+)"?/.exec(headers.get("content-disposition") ?? "")?.[1];
    yield { name: "metadata", content: counted(body), ...filename && { filename } };
    return;
  }
  for await (const part of readMultipart(body, { boundary, code: "SERVER_FAILED" })) {
    yield { ...part, content: counted(part.content) };
  }
}
