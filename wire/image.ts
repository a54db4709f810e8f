// Images and their aliases.

import * as s from "./schema.ts";

/** A name of an image, in its list of them. */
export interface ImageAlias {
  name: string;
  description: string;
}

/** An image, as `image.get` shows it. */
export interface Image {
  /** SHA-256 of its files, in hexadecimal */
  fingerprint: string;
  type: "container" | "virtual-machine";
  /** the kernel's name, `x86_64` */
  architecture: string;
  /** name under which its file was given */
  filename: string;
  /** bytes of the image's files */
  size: number;
  /** what its maker says of it: `os`, `release` */
  properties: Record<string, string>;
  aliases: ImageAlias[];
  /** whether callers that are not trusted may have it */
  public: boolean;
  /** whether it is here only because an instance wanted it */
  cached: boolean;
  /** whether it follows its server */
  auto_update: boolean;
  /** profiles of instances that name none */
  profiles: string[];
  project: string;
  /** when it was made, RFC 3339 */
  created_at: string;
  /** when it is deleted; in 1970 for never */
  expires_at: string;
  last_used_at: string;
  /** when it came here */
  uploaded_at: string;
  /** where it came from */
  update_source?: {
    alias: string;
    certificate: string;
    protocol: string;
    server: string;
    image_type: string;
  };
}

const template = s.object({
  when: s.optional(s.array(s.string)),
  template: s.required(s.string, "file among the templates"),
  create_only: s.optional(s.boolean),
  properties: s.optional(s.record(s.string)),
});

/** What an image says of itself; of an instance, what its image said. */
export const imageMetadataPut = s.object({
  architecture: s.optional(s.string),
  creation_date: s.optional(s.integer, "seconds since 1970"),
  expiry_date: s.optional(s.integer, "seconds since 1970; 0 for never"),
  properties: s.optional(s.record(s.string)),
  templates: s.optional(s.record(template), "by the path of the file each makes"),
});
/** What an image says of itself, or the part of it that is to change. */
export type ImageMetadataPut = s.TypeOf<typeof imageMetadataPut>;

/** What an image says of itself in its `metadata.yaml`. */
export interface ImageMetadata {
  architecture: string;
  /** `seconds` since 1970 */
  creation_date: number;
  /** `seconds` since 1970; 0 for never */
  expiry_date: number;
  properties: Record<string, string>;
  /** by the path of the file each makes */
  templates: Record<string, {
    when: string[];
    template: string;
    create_only: boolean;
    properties: Record<string, string>;
  }>;
}

export const imagePut = s.object({
  auto_update: s.optional(s.boolean),
  expires_at: s.optional(s.string),
  profiles: s.optional(s.array(s.string)),
  properties: s.optional(s.record(s.string)),
  public: s.optional(s.boolean),
});
/** What can be changed of an image. */
export type ImagePut = s.TypeOf<typeof imagePut>;

export const imagesPost = s.object({
  aliases: s.optional(s.array(s.object({ name: s.required(s.string), description: s.optional(s.string) }))),
  auto_update: s.optional(s.boolean),
  compression_algorithm: s.optional(s.string),
  expires_at: s.optional(s.string),
  filename: s.optional(s.string),
  profiles: s.optional(s.array(s.string)),
  properties: s.optional(s.record(s.string)),
  public: s.optional(s.boolean),
  source: s.optional(s.object({
    type: s.optional(s.string, "`image` (from a remote), `instance`, `snapshot` or `url`"),
    mode: s.optional(s.string),
    alias: s.optional(s.string),
    fingerprint: s.optional(s.string),
    name: s.optional(s.string),
    server: s.optional(s.string),
    protocol: s.optional(s.string),
    secret: s.optional(s.string),
    certificate: s.optional(s.string),
    project: s.optional(s.string),
    image_type: s.optional(s.string),
    url: s.optional(s.string),
  })),
});
/** An image to be had from a server, or to be made of an instance. */
export type ImagesPost = s.TypeOf<typeof imagesPost>;

/** An image to be built; LXD has no such thing. */
export const imageBuildPost = s.object({
  definition: s.required(s.unknown, "what distrobuilder's YAML says, as far as drey obeys it"),
  aliases: s.optional(s.array(s.object({ name: s.required(s.string), description: s.optional(s.string) }))),
  public: s.optional(s.boolean),
});
/** A definition of an image to be built; LXD has no such thing. */
export type ImageBuildPost = s.TypeOf<typeof imageBuildPost>;

export const imagesPrunePost = s.object({
  plan: s.optional(s.boolean, "only tell what would go"),
});

/** Something about images that can go. */
export interface ImagePrunable {
  kind: "image" | "unpacked" | "download" | "catalog" | "memory";
  /** fingerprint, where there is one */
  name: string;
  project: string;
  /** bytes */
  size: number;
  about: string;
}

/** Where an image is to be sent. */
export const imageExportPost = s.object({
  target: s.required(s.string, "address of the server that waits for it"),
  secret: s.required(s.string, "what that server gave out for it"),
  certificate: s.optional(s.string, "PEM of the certificate that server shows"),
  aliases: s.optional(s.array(s.object({ name: s.required(s.string), description: s.optional(s.string) }))),
  project: s.optional(s.string, "project at that server"),
  profiles: s.optional(s.array(s.string)),
});
/** Where an image is to be sent. */
export type ImageExportPost = s.TypeOf<typeof imageExportPost>;

/** A name of an image, as `image.alias.get` shows it. */
export interface ImageAliasesEntry {
  name: string;
  description: string;
  /** fingerprint */
  target: string;
  type: "container" | "virtual-machine";
}

export const imageAliasesPost = s.object({
  name: s.required(s.string),
  description: s.optional(s.string),
  target: s.required(s.string),
  type: s.optional(s.string),
});
/** A name to be given to an image. */
export type ImageAliasesPost = s.TypeOf<typeof imageAliasesPost>;
export const imageAliasPut = s.object({ description: s.optional(s.string), target: s.optional(s.string) });
/** What can be changed of a name of an image. */
export type ImageAliasPut = s.TypeOf<typeof imageAliasPut>;
export const imageAliasPost = s.object({ name: s.required(s.string) });
