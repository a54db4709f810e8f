// What a pool knows of its volumes by the manifest that lies beside each.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { namesIn } from "../sys/present.ts";
import type { Driver, RootSource, Snapshot, Volume } from "./driver.ts";
import { type Manifest, writeManifest } from "./manifest.ts";
import { placeOf, snapshotsOf } from "./places.ts";

/** The volume that a snapshot is of. */
export const ownerOf = ({ kind, name }: Snapshot): Volume => ({ kind, name });

/** What was read of a volume. @throws {DreyError} `NOT_FOUND` if that is nothing */
export function mustBeThere<M extends Manifest>(volume: Volume, found: M | undefined): M {
  if (found !== undefined) return found;
  const name = volume.snapshot === undefined ? volume.name : `${volume.name}/${volume.snapshot}`;
  throw new DreyError("NOT_FOUND", { message: `Cannot find the files of "${name}" in the storage pool` });
}

/** Names of the volumes of a kind in a pool, or of the snapshots of one. */
export const namesOf = (pool: string): Driver["list"] => (kind, name) =>
  namesIn(name === undefined ? join(pool, kind) : snapshotsOf(pool, { kind, name }));

/** The part of a driver that follows from manifests alone, where whoever writes to a volume says so there first. */
export function byManifest<M extends Manifest>(
  pool: string,
  { read, root }: { read: (place: string) => M | undefined; root: (volume: Volume) => RootSource },
): Pick<Driver, "exists" | "facts" | "list" | "home" | "prepare"> {
  const at = (volume: Volume) => placeOf(pool, volume);
  return {
    exists: (volume) => read(at(volume)) !== undefined,
    facts(volume) {
      const manifest = read(at(volume));
      if (manifest === undefined) return undefined;
      const { map, image, touched } = manifest;
      return { map, ...(image === undefined ? {} : { image }), isUntouched: touched !== true };
    },
    list: namesOf(pool),
    home: at,
    prepare(volume) {
      const manifest = mustBeThere(volume, read(at(volume)));
      if (manifest.touched !== true) writeManifest(at(volume), { ...manifest, touched: true });
      return root(volume);
    },
  };
}
