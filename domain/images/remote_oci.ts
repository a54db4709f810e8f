// The `oci` protocol: application images of registries. The record of one is its manifest; its layers are shared.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Reference, Registry } from "../../images/oci_registry.ts";
import type { Descriptor, ImageConfig, Manifest, OciDocument } from "../../images/oci.ts";
import type { Image } from "../../wire/image.ts";
import { exists } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { blobsDirectory, downloadsDirectory } from "./directories.ts";
import { fetchBlobs, forgetDownload } from "./fetch.ts";
import { mustStack, propertiesOf, recordApplication } from "./applications.ts";
import { makeClosed } from "./files.ts";
import { findKept, hereOrFetched, updatesCached, wantedArchitecture } from "./kept.ts";
import { type LayersAhead, unpackLayersAhead } from "./layers_ahead.ts";

export interface OciWish {
  /** address of the registry */
  server: string;
  /** `nginx:alpine` */
  name: string;
  task?: Task;
}

/**
 * The image a registry has under a name, downloaded now if it is not here yet.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN`, and what a download throws
 */
export async function ociImage(context: Context, project: string, wish: OciWish): Promise<Image> {
  const found = await lookUp(context, project, wish);
  if ("kept" in found) return found.kept;
  const fingerprint = found.digest.slice("sha256:".length);
  return await hereOrFetched(
    context,
    { ...wish, project, fingerprint },
    () => download(context, project, { ...found, fingerprint, wish }),
  );
}

async function download(
  context: Context,
  project: string,
  { registry, text: manifestText, manifest, fingerprint, wish }: Offered & {
    fingerprint: string;
    wish: OciWish;
  },
): Promise<void> {
  const { text, config } = await configOf(registry, manifest);
  mustStack(wish.name, manifest);
  await using ahead = await unpackLayersAhead(context);
  await fetchLayers(context, { fingerprint, registry, manifest, ahead, ...wish.task && { task: wish.task } });
  const raw = { manifest: manifestText, config: text };
  const document: OciDocument = { oci: 1, name: wish.name, manifest, config, raw };
  const auto_update = await updatesCached(context, project);
  await recordApplication(context, project, {
    fingerprint,
    document,
    staging: join(downloadsDirectory(context), fingerprint),
    amend: (fresh) => ({
      ...fresh,
      properties: propertiesOf(document, descriptionOf(wish)),
      cached: true,
      auto_update,
      update_source: {
        alias: wish.name,
        certificate: "",
        protocol: "oci",
        server: wish.server,
        image_type: "container",
      },
    }),
  });
  await ahead.keep();
  await forgetDownload(context, fingerprint);
}

/** What a registry has under a name; the text of the manifest is what its digest was made of. */
interface Offered {
  registry: Registry;
  digest: string;
  text: string;
  manifest: Manifest;
}
type Found = { kept: Image } | Offered;

async function lookUp(context: Context, project: string, { server, name, task }: OciWish): Promise<Found> {
  try {
    return await manifestOf({ server, name, ...task && { signal: task.signal } }, {
      architecture: await wantedArchitecture(context, project),
    });
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "NETWORK") throw error;
    const kept = await findKept(context, project, { protocol: "oci", server, name, type: "container" });
    if (kept !== undefined) return { kept };
    throw error;
  }
}

/** What a registry has under a name. */
async function manifestOf(
  { server, name, signal }: { server: string; name: string; signal?: AbortSignal },
  { architecture }: { architecture: string },
) {
  const { openRegistry, parseReference } = await import("../../images/oci_registry.ts");
  const { readCredentials } = await import("../../images/oci_credentials.ts");
  const reference = parseReference(server, name);
  const credentials = await readCredentials(reference, (key) => Deno.env.get(key) || undefined);
  try {
    const registry = await openRegistry(reference, {
      ...credentials && { credentials },
      ...signal && { signal },
    });
    return { registry, ...await registry.manifest(architecture) };
  } catch (error) {
    throw error instanceof DreyError ? refusedBy(reference, error) : error;
  }
}

/** A refusal in words for whoever named the image. */
function refusedBy({ host, repository, reference }: Reference, error: DreyError): DreyError {
  const image = `"${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}"`;
  if (error.code === "NOT_FOUND") {
    return new DreyError("NOT_FOUND", {
      message: `The registry ${host} has no image ${image}`,
      cause: error,
    });
  }
  if (error.code !== "FORBIDDEN" || error.hint !== undefined) return error;
  return new DreyError("FORBIDDEN", {
    message: `The registry ${host} does not give out ${image}: there is none, or it is not for everybody`,
    hint: `Log in with: skopeo login ${host} (or podman, docker)`,
    cause: error,
  });
}

/** An image as its registry describes it, without its layers. @throws {DreyError} as {@link ociImage} */
export async function ociOffer(server: string, name: string): Promise<Image> {
  const { kernelArchitecture } = await import("../../images/metadata.ts");
  const { registry, digest, manifest } = await manifestOf({ server, name }, {
    architecture: Deno.build.arch,
  });
  const { config } = await configOf(registry, manifest);
  const never = "1970-01-01T00:00:00Z";
  return {
    fingerprint: digest.slice("sha256:".length),
    type: "container",
    architecture: kernelArchitecture(config.architecture) ?? Deno.build.arch,
    filename: "",
    size: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    properties: propertiesOf({ oci: 1, name, manifest, config }, descriptionOf({ server, name })),
    aliases: [{ name, description: "" }],
    public: true,
    cached: false,
    auto_update: false,
    profiles: ["default"],
    project: "default",
    created_at: config.created,
    expires_at: never,
    last_used_at: never,
    uploaded_at: config.created,
  };
}

/** What an image says about its process, with its text to the byte. */
async function configOf(registry: Registry, { config: { digest } }: Manifest) {
  const { parseConfig } = await import("../../images/oci.ts");
  const { parseJson } = await import("../../images/http.ts");
  const text = new TextDecoder().decode(await registry.blob(digest));
  return { text, config: parseConfig(parseJson(text, "the configuration of the image")) };
}

const descriptionOf = ({ server, name }: Pick<OciWish, "server" | "name">) =>
  `${new URL(server).host}/${name}`;

/** Layers that another image has brought are linked, all others downloaded. */
async function fetchLayers(
  context: Context,
  { fingerprint, registry, manifest, ahead, task }: {
    fingerprint: string;
    registry: Registry;
    manifest: Manifest;
    ahead: LayersAhead;
    task?: Task;
  },
): Promise<void> {
  const staging = join(downloadsDirectory(context), fingerprint);
  const blobs = blobsDirectory(context);
  await makeClosed(staging);
  await makeClosed(blobs);
  const missing: Descriptor[] = [];
  for (const layer of manifest.layers) {
    const name = layer.digest.slice("sha256:".length);
    if (!await linked(join(blobs, name), join(staging, name))) missing.push(layer);
  }
  const { headers } = registry.blobSource(manifest.config.digest);
  const wanted = missing.map(({ digest, size }) => ({
    urls: [registry.blobSource(digest).url],
    size,
    sha256: digest.slice("sha256:".length),
  }));
  const onward: LayersAhead["file"] = (file, path) => ahead.file(file, path);
  const renew = () => registry.renew();
  await fetchBlobs(context, wanted, { fingerprint, headers, renew, onward, ...task && { task } });
  await ahead.check();
}

/** A blob that is here already, under a second name that nobody else removes. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    if (exists(to)) return false;
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.AlreadyExists) return true;
    throw error;
  }
}

/**
 * What an instance of an application image is to run, as settings of the instance. Nothing for other images.
 *
 * @param readFile the text of a file of the image
 */
export async function applicationConfig(
  context: Context,
  { fingerprint }: Pick<Image, "fingerprint">,
  readFile: (path: string) => string | undefined,
): Promise<Record<string, string>> {
  const { readOci } = await import("./layers.ts");
  const document = readOci(context, fingerprint);
  if (document === undefined) return {};
  const { quoteWords } = await import("../../images/oci.ts");
  const { config } = document;
  const words = [...config.entrypoint, ...config.cmd];
  const { uid, gid } = idsOf(config, readFile);
  return {
    "oci.entrypoint": quoteWords(words.length === 0 ? ["/bin/sh"] : words),
    "oci.cwd": config.workdir,
    "oci.uid": String(uid),
    "oci.gid": String(gid),
    "oci.stop_signal": config.stopSignal,
    ...Object.fromEntries(Object.entries(config.env).map(([key, value]) => [`environment.${key}`, value])),
  };
}

/** `user`, `user:group`, either of them a number or a name of the image's own files. */
function idsOf({ user }: ImageConfig, readFile: (path: string) => string | undefined) {
  const [name = "", group] = user.split(":");
  if (name === "") return { uid: 0, gid: 0 };
  const rows = (path: string) => (readFile(path) ?? "").split("\n").map((line) => line.split(":"));
  const isNumber = /^\d+$/.test(name);
  const row = rows("etc/passwd").find((fields) => isNumber ? fields[2] === name : fields[0] === name);
  const uid = isNumber ? name : row?.[2];
  const named = group === undefined || /^\d+$/.test(group)
    ? group
    : rows("etc/group").find((fields) => fields[0] === group)?.[2];
  const gid = group === undefined ? row?.[3] ?? "0" : named;
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new DreyError("IMAGE_INVALID", { message: `Cannot use the image: it has no user "${user}"` });
}
