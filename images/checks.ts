// What is looked at in the entries of an image's tarballs, wherever they are on their way to.

import { DreyError } from "../errors.ts";
import { invalid } from "./archive.ts";
import { entryCheck, plainName } from "./entries.ts";
import type { Visit } from "./gate.ts";

/** What the file with metadata.yaml holds. */
export interface FirstFile {
  metadata: string;
  /** a root file system, as a tree or as a disk, if the image is unified */
  root: "tree" | "disk" | undefined;
}

/** longest metadata.yaml worth reading, in bytes */
const metadataLimit = 1 << 20;

const noMetadata = () =>
  new DreyError("IMAGE_INVALID", {
    message: "Cannot use the image: it holds no metadata.yaml",
    hint:
      "If that is in a file beside the root file system, name it first: drey image import METADATA ROOTFS",
  });

const isBackup = () =>
  new DreyError("IMAGE_INVALID", {
    message: "Cannot use the image: it is a backup",
    hint: "Bring back an instance with drey import FILE, a volume with drey storage volume import POOL FILE",
  });

/** Looks through the file that holds metadata.yaml and perhaps the rest. */
export function firstFileCheck(): { visit: Visit; result(): FirstFile } {
  const check = entryCheck("rootfs/");
  let metadata: string | undefined;
  let root: FirstFile["root"];
  return {
    async visit(entry, read) {
      check(entry);
      const name = plainName(entry.name);
      const [top] = name.split("/");
      // drey itself reads these two later, as the user, so no link may hide here
      const isPlain = entry.type === "file" || entry.type === "directory";
      if ((top === "metadata.yaml" || top === "templates") && !isPlain) {
        throw invalid(`"${top}" holds something that is neither file nor directory`);
      }
      if (top === "rootfs" && name === top && entry.type !== "directory") {
        throw invalid('"rootfs" is not a directory');
      }
      // it is what a backup begins with
      if (name === "backup/index.yaml" && metadata === undefined) throw isBackup();
      if (top === "rootfs") root = "tree";
      if (name === "rootfs.img") root = "disk";
      if (name !== "metadata.yaml") return;
      if (entry.size > metadataLimit) throw invalid("metadata.yaml is longer than 1 MiB");
      metadata = new TextDecoder().decode(await read());
    },
    result() {
      if (metadata === undefined) throw noMetadata();
      return { metadata, root };
    },
  };
}

/** Looks through the tarball of a root file system. */
export function rootfsCheck(): { visit: Visit; result(): void } {
  const check = entryCheck("");
  let count = 0;
  return {
    visit(entry) {
      check(entry);
      count++;
    },
    result() {
      if (count === 0) throw invalid("its root file system is empty");
    },
  };
}

/** Whether a file of this name is what an archive of an application image begins with. */
export const isLayoutFile = (name: string): boolean =>
  /^(oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/.test(name);
