// Images; their aliases are in image_aliases.ts.

import * as images from "../../domain/images.ts";
import type { ImagePart, ImageWish } from "../../domain/images.ts";
import type { ExportedFile } from "../../domain/images/export.ts";
import type { Context } from "../../domain/context.ts";
import { DreyError } from "../../errors.ts";
import type { Image } from "../../wire/image.ts";
import { imagesPost } from "../../wire/image.ts";
import type { ImagesPost } from "../../wire/image.ts";
import type { UploadFile } from "../../wire/upload.ts";
import { readBody } from "../body.ts";
import type { Caller, Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";
import { isTrusted, mayReach } from "../middleware/permission.ts";

type Names =
  | "images.list"
  | "images.create"
  | "image.get"
  | "image.update"
  | "image.patch"
  | "image.delete"
  | "image.export"
  | "image.push"
  | "image.refresh"
  | "image.secret";

export const handlers: Handlers<Names> = {
  "images.list": async ({ context, caller, project, recursion, query }) => {
    const all = await images.listImages(context, isOn(query("all-projects")) ? undefined : project);
    return listed(all.filter((image) => isVisible(caller, image)), {
      recursion,
      filter: query("filter"),
      address: (image) => addressOf("images", image.fingerprint, image.project),
    });
  },
  "images.create": async (call) => {
    const { context, caller, project, headers, files } = call;
    const secret = headers.get("x-lxd-secret") ?? "";
    if (secret === "" && !isTrusted(caller)) throw new DreyError("FORBIDDEN", { message: "not authorized" });
    const parts = files === undefined ? await carriedBy(call.request) : named(files);
    if (parts !== undefined) {
      const { createImageFromParts } = await import("../../domain/images/create.ts");
      const wish = wishOf(headers);
      if (secret === "") return await createImageFromParts(context, project, { parts, wish });
      const pushed = await pushedWish(context, wish, secret);
      return await createImageFromParts(context, pushed.project, { parts, ...pushed });
    }
    if (!isTrusted(caller)) throw new DreyError("FORBIDDEN", { message: "not authorized" });
    const body = await readBody(call.request, imagesPost) as ImagesPost;
    mayReach(caller, body);
    const { createImageFromSource } = await import("../../domain/images/create.ts");
    return await createImageFromSource(context, {
      project,
      instances: call.query("project") || "default",
    }, body);
  },
  "image.get": async ({ context, caller, project, params, query }) => {
    const image = await images.getImage(context, project, params.fingerprint);
    // for an ETag this is asked on behalf of routes that take no secret
    if (!isVisible(caller, image)) {
      await mustSee(context, { caller, image, secret: query("secret"), isUsed: false });
    }
    return image;
  },
  "image.update": ({ context, project, params, body }) =>
    images.updateImage(context, project, { fingerprint: params.fingerprint, put: body }),
  "image.patch": ({ context, project, params, body }) =>
    images.patchImage(context, project, { fingerprint: params.fingerprint, put: body }),
  "image.delete": ({ context, project, params }) => images.deleteImage(context, project, params.fingerprint),
  "image.push": async ({ context, project, params, body }) => {
    const { pushImage } = await import("../../domain/images/push.ts");
    return await pushImage(context, project, { fingerprint: params.fingerprint, post: body });
  },
  "image.refresh": async ({ context, project, params }) => {
    const { refreshImage } = await import("../../domain/images/refresh.ts");
    return await refreshImage(context, project, params.fingerprint);
  },
  "image.secret": async ({ context, project, params }) => {
    const { makeDownloadSecret } = await import("../../domain/images/secrets.ts");
    return await makeDownloadSecret(context, project, params.fingerprint);
  },
  "image.export": async ({ context, caller, project, params, query }) => {
    const image = await images.getImage(context, project, params.fingerprint);
    await mustSee(context, { caller, image, secret: query("secret"), isUsed: true });
    return await sendImage(context, project, params.fingerprint);
  },
};

/** The files of an image as LXD sends them: one as it is, two as parts. */
export async function sendImage(context: Context, project: string, fingerprint: string): Promise<Response> {
  const { exportImage } = await import("../../domain/images/export.ts");
  const files = await exportImage(context, project, fingerprint);
  const [only] = files;
  if (only === undefined || files.length > 1) return await sendParts(files);
  return new Response(await only.open(), {
    headers: {
      "content-type": "application/octet-stream",
      "content-disposition": `inline;filename=${only.filename}`,
      "content-length": String(only.size),
    },
  });
}

/** Whether a caller may know of an image. */
const isVisible = (caller: Caller, image: Image) => isTrusted(caller) || image.public;

/** To a stranger, a private image and none look alike. */
async function mustSee(
  context: Context,
  { caller, image, secret, isUsed }: { caller: Caller; image: Image; secret?: string; isUsed: boolean },
): Promise<void> {
  if (isVisible(caller, image)) return;
  if (secret) {
    const { isSecretOf } = await import("../../domain/images/secrets.ts");
    if (await isSecretOf(context, { fingerprint: image.fingerprint, secret, isUsed })) return;
  }
  throw new DreyError("NOT_FOUND", { message: "Image not found" });
}

/** What whoever gave out the secret wants of the image that comes with it. */
async function pushedWish(context: Context, { fingerprint = "", filename }: ImageWish, secret: string) {
  const { useUploadSecret } = await import("../../domain/images/secrets.ts");
  const { makeSecret } = await import("../../auth/tokens.ts");
  const { wishOf } = await import("../../domain/images/create.ts");
  const { project, request } = await useUploadSecret(context, { secret, fingerprint });
  const wish: ImageWish = { ...wishOf(request), fingerprint, ...filename && { filename } };
  // with it the sender, whom nobody knows, may wait for the end
  return { project, wish, secret: makeSecret() };
}

/** The files a request carries; nothing if it is JSON that names a source. */
async function carriedBy(request: Request): Promise<AsyncIterable<ImagePart> | undefined> {
  const type = request.headers.get("content-type") ?? "";
  if (request.body === null || /^application\/json\b/i.test(type)) return undefined;
  const { partsOf } = await import("../../domain/images/parts.ts");
  const parts = partsOf(request.body, type);
  if (parts !== undefined) return parts;
  const isFile = /^application\/octet-stream\b/i.test(type) ||
    ["x-lxd-filename", "x-lxd-fingerprint"].some((name) => request.headers.has(name));
  // pylxd does not say what it sends, and curl that it is a form
  if (!isFile && await beginsAsJson(request)) return undefined;
  return only({ name: "metadata", content: request.body });
}

/** `bytes` of white space before JSON: they are kept for whoever reads the body afterwards */
const mostBlank = 65_536;

/** Looks at the first bytes of a body that is read afterwards. */
async function beginsAsJson(request: Request): Promise<boolean> {
  const reader = request.clone().body?.getReader();
  for (let blank = 0;;) {
    const chunk = await reader?.read();
    // nothing at all: the reader of JSON says what it misses
    if (chunk === undefined || chunk.done) return true;
    const first = chunk.value.find((byte) => ![0x20, 0x09, 0x0a, 0x0d].includes(byte));
    blank += chunk.value.length;
    if (first === undefined && blank < mostBlank) continue;
    // not waited for: what is left is taken by others, and this ends when they have
    void reader?.cancel();
    return first === "{".charCodeAt(0);
  }
}

async function* named(files: readonly UploadFile[]): AsyncGenerator<ImagePart> {
  for (const { part, filename, path } of files) {
    yield await Promise.resolve({ name: part, filename, content: { path } });
  }
}

async function* only(part: ImagePart): AsyncGenerator<ImagePart> {
  yield await Promise.resolve(part);
}

async function sendParts(files: readonly ExportedFile[]): Promise<Response> {
  const { bodyOf } = await import("../../domain/images/parts.ts");
  const { body, contentType, length } = bodyOf(files);
  return new Response(body, { headers: { "content-type": contentType, "content-length": String(length) } });
}

/** LXD's headers of an upload. */
function wishOf(headers: Pick<Headers, "get">): ImageWish {
  const [filename, fingerprint, isPublic] = ["filename", "fingerprint", "public"]
    .map((name) => headers.get(`x-lxd-${name}`) ?? "");
  const profiles = new URLSearchParams(headers.get("x-lxd-profiles") ?? "").getAll("profile");
  return {
    ...filename && { filename },
    ...fingerprint && { fingerprint },
    public: isOn(isPublic),
    properties: Object.fromEntries(new URLSearchParams(headers.get("x-lxd-properties") ?? "")),
    ...profiles.length > 0 && { profiles },
  };
}
