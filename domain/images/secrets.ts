// Secrets: what lets a caller nobody knows fetch one image, or send one. Each is the token of an operation.

import { makeSecret } from "../../auth/tokens.ts";
import { DreyError } from "../../errors.ts";
import type { ImagesPost } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { findToken, startTokenOperation, takeToken } from "../token_operations.ts";
import { findRecord, imageEvent } from "./records.ts";

const downloadToken = "Image download token";
const uploadToken = "Image upload token";
/** `milliseconds` a secret is good for */
const lifetime = 3_600_000;

const expiry = (context: Context) => new Date(context.now().getTime() + lifetime).toISOString();

/** A secret for one download of an image. @throws {DreyError} `NOT_FOUND` */
export async function makeDownloadSecret(
  context: Context,
  project: string,
  prefix: string,
): Promise<Operation> {
  const { value } = await findRecord(context, project, prefix);
  const { fingerprint } = value;
  await context.store.commit([], [imageEvent(context, "image-secret-created", value)]);
  return await startTokenOperation(context, {
    project,
    description: downloadToken,
    resources: { images: [`/1.0/images/${fingerprint}`] },
    metadata: { secret: makeSecret(), fingerprint, expiresAt: expiry(context) },
  });
}

/**
 * Whether a secret is good for an image; a download uses it up, a look does not.
 *
 * @param fingerprint whole
 */
export async function isSecretOf(
  context: Context,
  { fingerprint, secret, isUsed }: { fingerprint: string; secret: string; isUsed: boolean },
): Promise<boolean> {
  const fits = (operation: Operation) =>
    operation.description === downloadToken && operation.metadata?.fingerprint === fingerprint;
  const found = isUsed ? await takeToken(context, secret, fits) : await findToken(context, secret, fits);
  return found !== undefined;
}

/** A secret for one upload; what the caller says of the image is kept until it comes. */
export async function makeUploadSecret(
  context: Context,
  project: string,
  body: ImagesPost,
): Promise<Operation> {
  const { source, ...wish } = body;
  const fingerprint = source?.fingerprint ?? "";
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) {
    throw new DreyError("BAD_REQUEST", {
      message: "An image that shall be pushed here needs its fingerprint",
    });
  }
  return await startTokenOperation(context, {
    project,
    description: uploadToken,
    metadata: { secret: makeSecret(), fingerprint, request: wish, project, expiresAt: expiry(context) },
  });
}

/**
 * Uses a secret up, and says what its maker wants of the image.
 *
 * @throws {DreyError} `FORBIDDEN`
 */
export async function useUploadSecret(
  context: Context,
  { secret, fingerprint }: { secret: string; fingerprint: string },
): Promise<{ project: string; request: Omit<ImagesPost, "source"> }> {
  const operation = await takeToken(
    context,
    secret,
    ({ description, metadata }) => description === uploadToken && metadata?.fingerprint === fingerprint,
  );
  if (operation === undefined) throw new DreyError("FORBIDDEN", { message: "not authorized" });
  const { project, request } = operation.metadata as { project: string; request: Omit<ImagesPost, "source"> };
  return { project, request };
}
