// Adding images: from files a client sends, from a URL, or from a remote.

import { DreyError } from "../../errors.ts";
import type { ImageAlias, ImagesPost } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { startOperation, type Task } from "../operations.ts";
import { createAlias } from "./aliases.ts";
import { patchImage } from "./change.ts";
import { mustBeFree } from "./files.ts";
import { type ImagePart, type ReceivedImage, receiveImage } from "./receive.ts";
import type { ImageRecord } from "./records.ts";
import { resolveImage } from "./resolve.ts";
import { takeIn } from "./take_in.ts";

/** What a client says about the image it adds; whatever is left out follows from the image. */
export interface ImageWish {
  filename?: string;
  /** expected fingerprint */
  fingerprint?: string;
  public?: boolean;
  auto_update?: boolean;
  expires_at?: string;
  properties?: Record<string, string>;
  profiles?: string[];
  aliases?: ImageAlias[];
}

/**
 * Takes in the files of an upload, then checks them in the background. The answer waits until all have arrived.
 *
 * @throws {DreyError} `BAD_REQUEST`, `NO_SPACE`; what is wrong with the image itself fails the operation
 */
export async function createImageFromParts(
  context: Context,
  project: string,
  { parts, wish, secret }: {
    parts: AsyncIterable<ImagePart>;
    wish: ImageWish;
    /** with which callers nobody knows may wait for the operation */
    secret?: string;
  },
): Promise<Operation> {
  await using undo = new AsyncDisposableStack();
  const received = undo.use(await receiveImage(context, parts));
  const operation = await startOperation(context, {
    project,
    description: "Downloading image",
    ...secret !== undefined && { metadata: { secret } },
    async run(task) {
      await using image = received;
      await takeUpload(context, project, { image, wish, task });
    },
  });
  undo.move(); // from here the operation owns the files
  return operation;
}

/**
 * Adds the image a source names.
 *
 * @throws {DreyError} `NOT_SUPPORTED` for sources drey cannot use yet, `BAD_REQUEST`
 */
export async function createImageFromSource(
  context: Context,
  { project, instances = project }: { project: string; instances?: string },
  body: ImagesPost,
): Promise<Operation> {
  const { source } = body;
  const wish = wishOf(body);
  if (source?.mode === "push") {
    const { makeUploadSecret } = await import("./secrets.ts");
    return await makeUploadSecret(context, project, body);
  }
  const start = (run: (task: Task) => Promise<void>) =>
    startOperation(context, { project, description: "Downloading image", mayCancel: true, run });
  switch (source?.type) {
    case "image":
      return await start((task) => copyIn(context, project, { source, wish, task }));
    case "url": {
      const { url = "" } = source;
      const { downloadImage, mustBeWeb } = await import("./from_url.ts");
      mustBeWeb(url);
      const { followProxies } = await import("./outgoing.ts");
      await followProxies(context);
      return await start(async (task) => {
        const { received, fingerprint } = await downloadImage(context, url, task);
        await using image = received;
        await takeUpload(context, project, { image, wish: { ...wish, fingerprint }, task });
      });
    }
    case "instance":
    case "container":
    case "snapshot": {
      const { publishImage } = await import("./publish.ts");
      return await publishImage(context, { project, instances }, { body, wish });
    }
    default:
      throw new DreyError("BAD_REQUEST", { message: `Invalid image source type "${source?.type ?? ""}"` });
  }
}

/** Checks what has arrived and makes it an image. */
async function takeUpload(
  context: Context,
  project: string,
  { image, wish, task }: { image: ReceivedImage; wish: ImageWish; task: Task },
): Promise<void> {
  const record = await takeIn(context, project, {
    ...image,
    ...wish.fingerprint !== undefined && { expected: wish.fingerprint },
    ...wish.aliases !== undefined && { aliases: wish.aliases },
    amend: (fresh) => ({
      ...fresh,
      filename: wish.filename ?? image.filename,
      properties: { ...fresh.properties, ...wish.properties },
      public: wish.public ?? false,
      auto_update: wish.auto_update ?? false,
      profiles: wish.profiles ?? fresh.profiles,
      expires_at: wish.expires_at ?? fresh.expires_at,
    }),
  });
  await announce(task, record);
}

/** An image of a remote becomes one of our own: no longer a cached one. */
async function copyIn(
  context: Context,
  project: string,
  { source, wish, task }: { source: NonNullable<ImagesPost["source"]>; wish: ImageWish; task: Task },
): Promise<void> {
  await mustBeFree(context, project, wish.aliases ?? []);
  const image = await resolveImage(context, project, source, task);
  await patchImage(context, project, {
    fingerprint: image.fingerprint,
    put: { ...wish, auto_update: wish.auto_update ?? false, public: wish.public ?? false },
    cached: false,
  });
  for (const alias of wish.aliases ?? []) {
    await createAlias(context, project, { ...alias, target: image.fingerprint });
  }
  await announce(task, image);
}

/** Writes what clients read from the finished operation. */
export async function announce(task: Task, { fingerprint, size }: Pick<ImageRecord, "fingerprint" | "size">) {
  await task.setResources({ images: [`/1.0/images/${fingerprint}`] });
  await task.update({ fingerprint, size: String(size) });
}

/** What a body says of the image besides where it comes from. */
export function wishOf(body: Omit<ImagesPost, "source">): ImageWish {
  return {
    ...body.filename && { filename: body.filename },
    ...body.public != null && { public: body.public },
    ...body.auto_update != null && { auto_update: body.auto_update },
    ...body.expires_at && { expires_at: body.expires_at },
    ...body.properties && { properties: body.properties },
    ...body.profiles && { profiles: body.profiles },
    aliases: (body.aliases ?? []).map(({ name, description }) => ({ name, description: description ?? "" })),
  };
}
