// volume.json: what a volume of the driver `dir`, `btrfs` or `lvm` is made of, kept beside its root. It is replaced whole by
// rename(2), which is the moment a change of the volume has happened.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { exists, readIfThere } from "../sys/present.ts";
import { partialName } from "../sys/partial.ts";

export const manifestFile = "volume.json";

export interface Manifest {
  version: 1;
  /** ids of the files, formatMap() */
  map: string;
  /** id of the unpacked image at the bottom */
  image?: string;
  /** `layers`: an overlay of the layers and what lies on top; `copy`: a plain tree */
  kind: "layers" | "copy";
  /** ids of read-only layers over the image, the uppermost first */
  layers: string[];
  /** directory beside the manifest with the volume's own layer or tree; empty for a snapshot of layers */
  top: string;
  /** somebody has mounted it to write; not kept by the driver `dir` */
  touched?: true;
  /** the top holds a file system in a file, of the driver `dir` */
  file?: true;
  /** of quotas: what its files are charged to, of the driver `dir` where the file system has such */
  project?: number;
  /** what its files are on, of the driver `lvm` */
  device?: LogicalVolume;
  /** id under which the top is becoming a layer: it is one as soon as a layer of that id exists */
  pushing?: string;
}

/** A logical volume with a file system. */
export interface LogicalVolume {
  lv: string;
  fileSystem: "ext4" | "xfs";
  /** further options of mount(8) */
  options: string;
}

/**
 * The manifest in a directory; undefined if there is no volume.
 *
 * @throws {DreyError} `STATE_BROKEN` for one that was cut short
 */
export function readManifest(directory: string): Manifest | undefined {
  const path = join(directory, manifestFile);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Manifest;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DreyError("STATE_BROKEN", {
      message: `Cannot read "${path}": it was cut short, as files are when the host loses its power`,
      hint: "Go back to a snapshot of what it belongs to (drey restore), or delete it and import a backup",
      cause: error,
    });
  }
}

/** The same for those who want the volume gone, or its files replaced: `broken` for one that was cut short. */
export const findManifest = (directory: string): Manifest | undefined | "broken" =>
  orBroken(() => readManifest(directory));

/** What a look into manifests finds, or `broken` if one of them was cut short. */
export function orBroken<T>(look: () => T): T | "broken" {
  try {
    return look();
  } catch (error) {
    if (error instanceof DreyError && error.code === "STATE_BROKEN") return "broken";
    throw error;
  }
}

/** Whether a directory is that of a volume. */
export const hasManifest = (directory: string): boolean => exists(join(directory, manifestFile));

/** Replaces the manifest, or writes the first one. */
export function writeManifest(directory: string, manifest: Manifest): void {
  const partial = partialName(join(directory, manifestFile));
  Deno.writeTextFileSync(partial, `${JSON.stringify(manifest)}\n`);
  Deno.renameSync(partial, join(directory, manifestFile));
}
