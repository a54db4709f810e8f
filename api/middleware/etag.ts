// ETags: a digest of what a client may change of a thing, so that an update can insist on having seen the latest.

import { DreyError } from "../../errors.ts";
import type { Image, ImageAliasesEntry, ImageMetadata } from "../../wire/image.ts";
import type { Certificate } from "../../wire/certificate.ts";
import type { Instance } from "../../wire/instance.ts";
import type { Profile } from "../../wire/profile.ts";
import type { Project } from "../../wire/project.ts";
import type { Warning } from "../../wire/warning.ts";
import type { ResultOf, RouteName } from "../../wire/routes.ts";

/** The writable part of what a route answers with. */
type Writable = { [N in RouteName]?: (metadata: ResultOf<N>) => unknown };

const writable: Writable = {
  "server.get": (server) => "config" in server ? sorted(server.config) : undefined,
  "certificate.get": ({ name, type, restricted, projects, certificate }: Certificate) => [
    name,
    type,
    restricted,
    projects,
    certificate,
  ],
  "instance.get": ({ architecture, config, description, devices, ephemeral, profiles }: Instance) => [
    architecture,
    sorted(config),
    description,
    sorted(devices),
    ephemeral,
    profiles,
  ],
  "instance.metadata.get": ({ properties, templates, ...rest }: ImageMetadata) => [
    sorted(rest),
    sorted(properties),
    sorted(templates),
  ],
  "profile.get": (
    { config, description, devices }: Profile,
  ) => [sorted(config), description, sorted(devices)],
  "image.alias.get": ({ description, target }: ImageAliasesEntry) => [description, target],
  "warning.get": ({ status }: Warning) => status,
  "project.get": ({ config, description }: Project) => [description, sorted(config)],
  "image.get": ({ auto_update, expires_at, profiles, properties, public: isPublic }: Image) => [
    auto_update,
    expires_at,
    profiles,
    sorted(properties),
    isPublic,
  ],
};

/** Which route shows what another one changes. */
export const shownBy: { [N in RouteName]?: keyof typeof writable } = {
  "server.update": "server.get",
  "server.patch": "server.get",
  "certificate.update": "certificate.get",
  "certificate.patch": "certificate.get",
  "instance.update": "instance.get",
  "instance.patch": "instance.get",
  "instance.metadata.put": "instance.metadata.get",
  "instance.metadata.patch": "instance.metadata.get",
  "profile.update": "profile.get",
  "profile.patch": "profile.get",
  "image.alias.update": "image.alias.get",
  "image.alias.patch": "image.alias.get",
  "warning.update": "warning.get",
  "warning.patch": "warning.get",
  "project.update": "project.get",
  "project.patch": "project.get",
  "image.update": "image.get",
  "image.patch": "image.get",
};

/** The ETag of a route's answer, for routes that have one. */
export async function etagOf(name: RouteName, metadata: unknown): Promise<string | undefined> {
  const part = writable[name] as ((metadata: unknown) => unknown) | undefined;
  const shown = part?.(metadata);
  if (shown === undefined) return undefined;
  const bytes = new TextEncoder().encode(JSON.stringify(shown));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex();
}

/** @throws {DreyError} `PRECONDITION_FAILED` */
export function mustMatch(wanted: string, etag: string | undefined): void {
  const given = wanted.split(",").map((text) => text.trim().replace(/^(W\/)?"(.*)"$/, "$2"));
  if (given.includes("*") || (etag !== undefined && given.includes(etag))) return;
  throw new DreyError("PRECONDITION_FAILED", {
    message: `ETag does not match: ${wanted} vs ${etag}`,
    hint: "The object changed since it was read: read it again",
  });
}

/** Equal records have equal digests, in whatever order they were written. */
function sorted(record: Record<string, unknown>): [string, unknown][] {
  return Object.entries(record)
    .map(([key, value]): [string, unknown] => [
      key,
      typeof value === "object" && value !== null ? sorted(value as Record<string, unknown>) : value,
    ])
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}
