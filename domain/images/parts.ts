// Images of several files as one body, on their way in and out.

import { boundaryOf, multipartBody, readMultipart } from "../../sys/multipart.ts";
import type { ExportedFile } from "./export.ts";
import type { ImagePart } from "./receive.ts";

/** The files of a request's body; nothing if its type says that it is no multipart one. */
export function partsOf(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): AsyncIterable<ImagePart> | undefined {
  const boundary = boundaryOf(contentType);
  return boundary === undefined ? undefined : readMultipart(body, { boundary, code: "BAD_REQUEST" });
}

/** A body of all files, with its type and length. */
export function bodyOf(files: readonly ExportedFile[]): ReturnType<typeof multipartBody> {
  return multipartBody(files.map(({ part: name, ...file }) => ({ name, ...file })));
}
