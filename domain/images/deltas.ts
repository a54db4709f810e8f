// A newer version of an image made of the one that is here and what a server says has changed. It saves a download and
// nothing else: where it cannot be had, the file is downloaded whole.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import type { CatalogFile } from "../../images/simplestreams.ts";
import { exists } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { downloadsDirectory } from "./directories.ts";
import { fetchBlobs } from "./fetch.ts";
import { imageFiles } from "./files.ts";

/**
 * Puts a file of an image where its download would, if one of its deltas fits an image that is here. The download then
 * finds it there, and verifies it like any other. Whoever calls holds the lock of the image's download.
 */
export async function makeOfDelta(
  context: Context,
  { fingerprint, file, mirrors, task }: {
    fingerprint: string;
    file: CatalogFile;
    mirrors: readonly string[];
    task?: Task;
  },
): Promise<void> {
  const target = join(downloadsDirectory(context), fingerprint, file.sha256);
  for (const { base: older, path, size, sha256 } of file.deltas ?? []) {
    // what was begun goes on
    if (exists(target)) return;
    const base = imageFiles(context, older).rootfs;
    if (base === undefined || !hasProgram()) continue;
    const urls = mirrors.map((mirror) => `${mirror}/${path}`);
    try {
      const wanted = [{ urls, size, sha256 }];
      const [delta = ""] = await fetchBlobs(context, wanted, { fingerprint, ...task && { task } });
      const { applyDelta } = await import("../../images/delta.ts");
      const { openMappedRoot } = await import("../../idmap/holder.ts");
      await using mapped = await openMappedRoot(await defaultMap(context.user));
      await applyDelta({ base, delta, target, size: file.size }, mapped);
    } catch (error) {
      // a delta that cannot be had, or not be used, costs the whole download and no more
      if (!(error instanceof DreyError) || error.code === "NO_SPACE") throw error;
    }
  }
}

const hasProgram = () => ["/usr/bin/xdelta3", "/bin/xdelta3"].some(exists);
