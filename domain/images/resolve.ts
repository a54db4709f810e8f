// From what a person named to an image that is here: an alias, a fingerprint, properties, or something a remote has.

import { DreyError } from "../../errors.ts";
import type { Image } from "../../wire/image.ts";
import type { InstanceSource } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { findAlias } from "./aliases.ts";
import { findRecord, getImage, type ImageRecord, listImages, twinned } from "./records.ts";

/** What names an image, of an instance to create or of an image to add. */
export type NamedImage =
  & Pick<InstanceSource, "alias" | "fingerprint" | "properties" | "server" | "protocol" | "project">
  & Partial<Pick<InstanceSource, "secret" | "certificate">>
  & {
    image_type?: string;
    /** asks the remote even if its last answer is young */
    refresh?: boolean;
  };

/** an image's `last_used_at` is not written again within these milliseconds */
const usedGrain = 60_000;

/**
 * The image an instance shall be made of; one from a remote is fetched or built first, and kept.
 *
 * @throws {DreyError} `NOT_FOUND`, `NOT_SUPPORTED` for remotes drey cannot ask yet, and what a build may throw
 */
export async function resolveImage(
  context: Context,
  project: string,
  source: NamedImage,
  task?: Task,
): Promise<Image> {
  const image = await findImage(context, project, source, task);
  await touch(context, image);
  return image;
}

async function findImage(
  context: Context,
  project: string,
  source: NamedImage,
  task: Task | undefined,
): Promise<Image> {
  const { alias = "", fingerprint = "", protocol = "", server = "" } = source;
  if (!["", "lxd"].includes(protocol)) {
    const { followProxies } = await import("./outgoing.ts");
    await followProxies(context);
  }
  if (protocol === "debian") {
    const { debianImage } = await import("./remote_debian.ts");
    return await debianImage(context, project, { alias: alias || fingerprint, server, task });
  }
  if (protocol === "simplestreams") {
    const { simplestreamsImage } = await import("./remote_simplestreams.ts");
    const type = source.image_type === "virtual-machine" ? "virtual-machine" : "container";
    return await simplestreamsImage(context, project, {
      server,
      name: alias || fingerprint,
      type,
      ...task && { task },
      ...source.refresh && { refresh: true },
    });
  }
  if (protocol === "oci") {
    const { ociImage } = await import("./remote_oci.ts");
    return await ociImage(context, project, { server, name: alias || fingerprint, ...task && { task } });
  }
  if (server !== "" && ["", "lxd"].includes(protocol)) {
    const { lxdImage } = await import("./remote_lxd.ts");
    return await lxdImage(context, project, {
      server,
      name: alias || fingerprint,
      type: source.image_type === "virtual-machine" ? "virtual-machine" : "container",
      ...source.certificate && { certificate: source.certificate },
      ...source.secret && { secret: source.secret },
      ...source.project && { project: source.project },
      ...task && { task },
    });
  }
  if (!isLocal(source)) throw cannotFetch(source);
  return await localImage(context, project, source);
}

/** Whether what is named is looked for among the images that are here. */
export const isLocal = ({ protocol = "", server = "" }: NamedImage): boolean =>
  server === "" && ["", "lxd"].includes(protocol);

/** The image of this host that is named. @throws {DreyError} `NOT_FOUND`; `BAD_REQUEST` if nothing is named */
export async function localImage(context: Context, project: string, source: NamedImage): Promise<Image> {
  const { alias = "", fingerprint = "", properties = {} } = source;
  if (fingerprint !== "") {
    const other = await twinned(context, project, fingerprint);
    return await getImage(context, project, other?.fingerprint ?? fingerprint);
  }
  if (alias !== "") return await byAlias(context, project, alias);
  if (Object.keys(properties).length > 0) return await byProperties(context, project, properties);
  throw new DreyError("BAD_REQUEST", {
    message: "Must specify one of alias, fingerprint or properties for init from image",
  });
}

/** An alias; or else the start of a fingerprint, which people type in its place. */
async function byAlias(context: Context, project: string, alias: string): Promise<Image> {
  try {
    const { value } = await findAlias(context, { project, name: alias });
    return await getImage(context, project, value.target);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    return await getImage(context, project, alias);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new DreyError("NOT_FOUND", {
      message: error.message,
      hint: hintFor(alias),
      cause: error,
    });
  }
}

function hintFor(typed: string): string {
  if (/^[.~]{0,2}\/|\.(tar(\.\w+)?|t[gx]z|squashfs|qcow2)$/.test(typed)) {
    return `A file is imported first: drey image import ${typed} --alias <alias>`;
  }
  const [, registry, image] = /^(docker|ghcr)\.io\/(?:library\/)?(.+)$/.exec(typed) ?? [];
  if (registry !== undefined) return `Images of registries are named with theirs: ${registry}:${image}`;
  return "drey image list shows those that are here; remotes have more, such as debian:12, ubuntu:24.04 or docker:nginx";
}

const isNotFound = (error: unknown): error is DreyError =>
  error instanceof DreyError && error.code === "NOT_FOUND";

async function byProperties(context: Context, project: string, wanted: Record<string, string>) {
  const fits = (image: Image) =>
    Object.entries(wanted).every(([key, value]) => image.properties[key] === value);
  const found = (await listImages(context, project)).filter(fits)
    .sort((a, b) => a.created_at < b.created_at ? 1 : -1).at(0);
  if (found !== undefined) return found;
  throw new DreyError("NOT_FOUND", { message: "No matching image could be found" });
}

function cannotFetch({ alias, fingerprint, server = "", protocol = "" }: NamedImage): DreyError {
  const name = protocol === "" ? "lxd" : protocol;
  const where = server === "" ? "its remote" : `"${server}"`;
  return new DreyError("NOT_SUPPORTED", {
    message: `Cannot fetch image "${
      alias || fingerprint || ""
    }" from ${where}: drey does not speak the ${name} protocol yet`,
    hint: "Use the debian remote, such as debian:12, or import the image from files",
  });
}

/** Says when the image was last used; a lost race means that somebody else just did. */
async function touch(context: Context, image: Image): Promise<void> {
  const now = context.now();
  if (now.getTime() - Date.parse(image.last_used_at) < usedGrain) return;
  const { key, value, revision } = await findRecord(context, image.project, image.fingerprint);
  const used: ImageRecord = { ...value, last_used_at: now.toISOString() };
  image.last_used_at = used.last_used_at;
  await context.store.commit([{ key, revision }], [{ key, value: used }]);
}
