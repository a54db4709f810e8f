// The record of an image that is new here.

import type { ImageMetadata } from "../../images/metadata.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import type { ImageRecord } from "./records.ts";

/** LXD's way to say "never" in a time. */
const never = "1970-01-01T00:00:00Z";

/** What follows from the image itself and the moment it arrives; the rest is as empty as can be. */
export function newRecord(
  context: Context,
  { project, fingerprint, size, type, metadata }: {
    project: string;
    fingerprint: string;
    /** bytes of the image's files */
    size: number;
    type: Image["type"];
    metadata: ImageMetadata;
  },
): ImageRecord {
  const time = (seconds: number) => seconds === 0 ? never : new Date(seconds * 1000).toISOString();
  return {
    fingerprint,
    type,
    architecture: metadata.architecture,
    filename: "",
    size,
    properties: metadata.properties,
    public: false,
    cached: false,
    auto_update: false,
    profiles: ["default"],
    project,
    created_at: time(metadata.creation_date),
    expires_at: time(metadata.expiry_date),
    last_used_at: never,
    uploaded_at: context.now().toISOString(),
  };
}
