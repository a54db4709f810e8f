// Which images somebody stands on: instances by their records, volumes and snapshots by what their pool says of them.

import { allStacked } from "../../storage/layers.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { listPools, poolDirectory } from "../storage_pools/record.ts";

/** Fingerprints of images that an instance, a volume or a snapshot needs unpacked. */
export async function imagesInUse(context: Context): Promise<Set<string>> {
  const instances = await context.store.list<{ config?: Config }>(["instances"]);
  const bases = instances.map(({ value }) => value.config?.["volatile.base_image"] ?? "");
  const pools = new Set(["default", ...(await listPools(context)).map(({ name }) => name)]);
  const trees = [...pools].flatMap((name) => allStacked(poolDirectory(context, name)));
  const below = trees.map(({ manifest }) => manifest.image?.slice(0, 64) ?? "");
  return new Set([...bases, ...below].filter((fingerprint) => fingerprint !== ""));
}
