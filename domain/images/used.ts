// Which images somebody stands on: instances by their records, volumes and snapshots by what their pool says of them.

import { allStacked } from "../../storage/layers.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { forgottenPools } from "../storage_pools/places.ts";
import { listPools, poolDirectory } from "../storage_pools/record.ts";

/** Fingerprints of images that an instance, a volume or a snapshot needs unpacked. */
export async function imagesInUse(context: Context): Promise<Set<string>> {
  const records = await Promise.all(
    ["instances", "instance_snapshots"].map((kind) => context.store.list<{ config?: Config }>([kind])),
  );
  const bases = records.flat().map(({ value }) => value.config?.["volatile.base_image"] ?? "");
  const below = [...await treesInUse(context)].map((id) => id.slice(0, 64));
  return new Set([...bases, ...below].filter((fingerprint) => fingerprint !== ""));
}

/** Ids of unpacked images that a volume or a snapshot stands on, as its pool says. */
export async function treesInUse(context: Context): Promise<Set<string>> {
  const pools = (await listPools(context)).filter(({ record }) => record.driver === "dir");
  const places = pools.map(({ name, record }) => record.config["source"] || poolDirectory(context, name));
  // what a pool holds that the database has lost can be brought back as long as its image is there
  const forgotten = (await forgottenPools(context)).map((name) => poolDirectory(context, name));
  const trees = [...places, ...forgotten].flatMap((place) => allStacked(place));
  return new Set(trees.flatMap(({ manifest }) => manifest.image ?? []));
}
