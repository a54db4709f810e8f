// The `simplestreams` protocol: images of public servers, downloaded when they are first asked for and kept as cached
// images.

import { DreyError } from "../../errors.ts";
import { type CatalogImage, findInCatalog } from "../../images/simplestreams.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { unpackAhead } from "./ahead.ts";
import { catalogsDirectory } from "./directories.ts";
import { fetchFiles, forgetDownload } from "./fetch.ts";
import { findKept, hereOrFetched, updatesCached, wantedArchitecture } from "./kept.ts";
import type { ImageRecord } from "./records.ts";
import { takeIn } from "./take_in.ts";

/** What a caller knows of the image it wants. */
export interface RemoteWish {
  server: string;
  /** alias or fingerprint */
  name: string;
  type: Image["type"];
  task?: Task;
  /** asks the server even if its last answer is young */
  refresh?: boolean;
}

/**
 * Everything a server offers.
 *
 * @throws {DreyError} `NETWORK`
 */
export async function simplestreamsCatalog(
  context: Context,
  server: string,
  { task, refresh }: { task?: Task; refresh?: boolean } = {},
): Promise<CatalogImage[]> {
  const { readCatalog } = await import("../../images/catalog.ts");
  const options = {
    directory: catalogsDirectory(context),
    now: context.now,
    ...task && { signal: task.signal },
    ...refresh && { refresh },
  };
  const [first = "", ...others] = mirrorsOf(server);
  // another mirror's news are better than the old ones of the first
  for (const base of others.length === 0 ? [] : [first, ...others]) {
    try {
      return await readCatalog(base, { ...options, mustAnswer: true });
    } catch (error) {
      if (!(error instanceof DreyError) || error.code !== "NETWORK") throw error;
    }
  }
  return await readCatalog(first, options);
}

/**
 * The image a server has under a name, downloaded now if it is not here yet. Whoever asks for the same one meanwhile
 * waits for it.
 *
 * @throws {DreyError} `NOT_FOUND`, and what a download throws
 */
export async function simplestreamsImage(
  context: Context,
  project: string,
  wish: RemoteWish,
): Promise<Image> {
  const found = await lookUp(context, project, wish);
  if ("kept" in found) return found.kept;
  const { offered } = found;
  const wanted = { ...wish, project, fingerprint: offered.fingerprint };
  return await hereOrFetched(context, wanted, () => download(context, project, { offered, wish }));
}

async function download(
  context: Context,
  project: string,
  { offered, wish }: { offered: CatalogImage; wish: RemoteWish },
): Promise<void> {
  const { fingerprint } = offered;
  const mirrors = mirrorsOf(wish.server);
  const wanted = offered.files.map(({ part, path, size, sha256 }) => ({
    part,
    file: { urls: mirrors.map((base) => `${base}/${path}`), size, sha256 },
  }));
  const newer = offered.files.find(({ deltas }) => deltas !== undefined);
  if (newer !== undefined) {
    const { makeOfDelta } = await import("./deltas.ts");
    await makeOfDelta(context, { fingerprint, file: newer, mirrors, ...wish.task && { task: wish.task } });
  }
  await using ahead = unpackAhead(context);
  const files = await fetchFiles(context, wanted, {
    fingerprint,
    ahead,
    ...wish.task && { task: wish.task },
  });
  const { fingerprintOf } = await import("../../images/fingerprint.ts");
  const paths = files.rootfs === undefined ? [files.metadata] : [files.metadata, files.rootfs];
  const auto_update = wish.name !== fingerprint && await updatesCached(context, project);
  await takeIn(context, project, {
    files,
    fingerprint: await fingerprintOf(paths),
    expected: fingerprint,
    size: offered.size,
    ahead,
    amend: (fresh) => ({ ...recordOf(fresh, offered, wish), auto_update }),
  }).finally(() => forgetDownload(context, fingerprint));
}

/** What the server offers; or, if it cannot be asked, what was once fetched under this name. */
async function lookUp(
  context: Context,
  project: string,
  wish: RemoteWish,
): Promise<{ offered: CatalogImage } | { kept: Image }> {
  const { server, name, type } = wish;
  try {
    const images = await simplestreamsCatalog(context, server, wish);
    const architecture = await wantedArchitecture(context, project);
    const offered = findInCatalog(images, { name, type, architecture });
    if (offered !== undefined) return { offered };
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "NETWORK") throw error;
    const kept = await findKept(context, project, { protocol: "simplestreams", server, name, type });
    if (kept === undefined) throw error;
    return { kept };
  }
  throw new DreyError("NOT_FOUND", {
    message: `The image server "${server}" has no ${
      type === "container" ? "container" : "virtual machine"
    } image "${name}" for ${await wantedArchitecture(context, project)}`,
    hint: "See what there is with: drey image list REMOTE: FILTER",
  });
}

function recordOf(fresh: ImageRecord, offered: CatalogImage, wish: RemoteWish): ImageRecord {
  return {
    ...fresh,
    filename: offered.filename,
    properties: offered.properties,
    created_at: offered.created_at,
    expires_at: offered.expires_at,
    cached: true,
    update_source: {
      alias: wish.name,
      certificate: "",
      protocol: "simplestreams",
      server: wish.server,
      image_type: wish.type,
    },
  };
}

/**
 * The addresses of a server, parted by commas: all have the same, and one is asked after the other.
 *
 * @throws {DreyError} `BAD_REQUEST` for what is no web address
 */
function mirrorsOf(server: string): string[] {
  return server.split(",").map((text) => {
    const base = text.trim();
    if (/^https?:\/\//.test(base) && URL.canParse(base)) return base.replace(/\/+$/, "");
    throw new DreyError("BAD_REQUEST", { message: `Cannot ask "${base}" for images: it is no web address` });
  });
}
