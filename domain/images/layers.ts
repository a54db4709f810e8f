// Layers that OCI images share: their blobs, and each unpacked once per id map. One lock guards both, so that what an
// image is about to stand on is not taken for waste.

import { join } from "@std/path";
import { type IdMap, mapId } from "../../idmap/map.ts";
import type { OciDocument } from "../../images/oci.ts";
import { isPartial, partialName } from "../../sys/partial.ts";
import { namesIn } from "../../sys/present.ts";
import { imageTrees } from "../../storage/layers.ts";
import type { LayerUsage } from "../../wire/storage_pool.ts";
import type { Context } from "../context.ts";
import { blobsDirectory, imagesDirectory, layersDirectory, lowersDirectory } from "./directories.ts";
import { makeClosed } from "./files.ts";

/** Held by whoever adds or removes layers. */
export const layersLock = ["image_layers"];

/** The document of an OCI image, if this fingerprint is one. */
export function readOci(context: Context, fingerprint: string): OciDocument | undefined {
  const path = join(imagesDirectory(context), fingerprint);
  if (!startsAsJson(path)) return undefined;
  return JSON.parse(Deno.readTextFileSync(path)) as OciDocument;
}

function startsAsJson(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const head = new Uint8Array(1);
    return file.readSync(head) === 1 && head[0] === 0x7b;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const hexOf = (digest: string) => digest.slice("sha256:".length);
const layerName = (digest: string, map: IdMap) => `${hexOf(digest).slice(0, 24)}-${mapId(map)}`;

/**
 * Unpacks what is missing of an image's layers, then makes the directory that stands for the image: an empty `rootfs`
 * and the list of what lies below it.
 */
export async function unpackOci(
  context: Context,
  lower: string,
  { document, map }: { document: OciDocument; map: IdMap },
): Promise<void> {
  await using _lock = await context.store.lock(layersLock);
  const directory = layersDirectory(context);
  await makeClosed(directory);
  const { unpackLayer } = await import("../../images/layer.ts");
  const { bytesOf } = await import("../../sys/file_bytes.ts");
  const present = new Set(namesIn(directory));
  for (const { digest } of document.manifest.layers) {
    const name = layerName(digest, map);
    if (present.has(name)) continue;
    const blob = join(blobsDirectory(context), hexOf(digest));
    const target = join(directory, name);
    await using layer = await unpackLayer(bytesOf(blob), { target, map, account: context.user });
    await layer.put(target);
    present.add(name);
  }
  await makeTop(context, lower, { document, map });
}

async function makeTop(
  context: Context,
  lower: string,
  { document, map }: { document: OciDocument; map: IdMap },
): Promise<void> {
  const { formatMetadata, kernelArchitecture } = await import("../../images/metadata.ts");
  const { openMappedRoot } = await import("../../idmap/holder.ts");
  const { removeTrees } = await import("../../images/remove_trees.ts");
  const { runChecked } = await import("../../sys/run.ts");
  const partial = partialName(lower);
  await Deno.mkdir(partial);
  try {
    // root of the map makes its own root directory, and is somebody else
    await Deno.chmod(partial, 0o777);
    await using mapped = await openMappedRoot(map);
    await runChecked(mapped.command(["mkdir", "-m", "755", "rootfs"]), { cwd: partial });
    const { config, manifest: { layers } } = document;
    // a digest may stand in the list twice, an overlay has each but once: the upper one counts
    const names = [...new Set(layers.map(({ digest }) => layerName(digest, map)).toReversed())];
    await Deno.writeTextFile(join(partial, "layers"), names.map((name) => `../l/${name}/fs\n`).join(""));
    await Deno.writeTextFile(
      join(partial, "metadata.yaml"),
      await formatMetadata({
        architecture: kernelArchitecture(config.architecture) ?? Deno.build.arch,
        creation_date: Math.floor(Date.parse(config.created) / 1000),
        expiry_date: 0,
        properties: { description: document.name },
        templates: {},
      }),
    );
    await Deno.chmod(partial, 0o755);
    await Deno.rename(partial, lower);
  } catch (error) {
    await removeTrees([partial], context.user);
    throw error;
  }
}

/** What application images share. Reads their documents only. */
export function layerUsage(context: Context): LayerUsage {
  const documents = fingerprints(context).flatMap((fingerprint) => readOci(context, fingerprint) ?? []);
  const owners = new Map<string, { size: number; count: number }>();
  for (const { manifest } of documents) {
    // one image may have a layer twice
    const own = new Map(manifest.layers.map(({ digest, size }) => [digest, size]));
    for (const [digest, size] of own) {
      owners.set(digest, { size, count: (owners.get(digest)?.count ?? 0) + 1 });
    }
  }
  const layers = [...owners.values()];
  return {
    images: documents.length,
    layers: layers.length,
    shared: layers.filter(({ count }) => count > 1).length,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    apart: layers.reduce((sum, { size, count }) => sum + size * count, 0),
  };
}

const fingerprints = (context: Context): string[] =>
  namesIn(imagesDirectory(context)).filter((name) => /^[0-9a-f]{64}$/.test(name));

/** Removes layers that no image and no instance stands on, after one of either has gone. */
export async function sweepLayers(context: Context): Promise<void> {
  const blobs = namesIn(blobsDirectory(context));
  const unpacked = namesIn(layersDirectory(context));
  if (blobs.length === 0 && unpacked.length === 0) return;
  await using _lock = await context.store.lock(layersLock);
  const named = new Set(
    fingerprints(context).flatMap((fingerprint) => readOci(context, fingerprint)?.manifest.layers ?? [])
      .map(({ digest }) => hexOf(digest)),
  );
  for (const blob of blobs) {
    if (!named.has(blob)) await Deno.remove(join(blobsDirectory(context), blob));
  }
  const lowers = lowersDirectory(context);
  const used = new Set(
    namesIn(lowers).flatMap((name) => imageTrees(join(lowers, name))).map((path) => path.split("/").at(-2)),
  );
  const doomed = unpacked.filter((name) => !used.has(name) && !isPartial(name))
    .map((name) => join(layersDirectory(context), name));
  if (doomed.length === 0) return;
  const { removeTrees } = await import("../../images/remove_trees.ts");
  await removeTrees(doomed, context.user);
}
