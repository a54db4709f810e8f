// The files of a remote's image, brought here: several at once, each continued where an earlier attempt broke off.
// They lie among the downloads until the image is recorded, so an attempt that is cut short costs nothing twice.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { RemoteFile } from "../../images/download.ts";
import type { ImageFiles } from "../../images/scan.ts";
import { discard, exists } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import type { Ahead, FileAhead } from "./ahead.ts";
import { downloadsDirectory } from "./directories.ts";
import { makeClosed } from "./files.ts";
import { byteProgress, reporter } from "./progress.ts";

export interface FetchOptions {
  /** of the image, under which its files lie */
  fingerprint: string;
  task?: Task;
  client?: Deno.HttpClient;
  headers?: Record<string, string>;
  /** gives other headers where these are out of date */
  renew?(): Promise<Record<string, string>>;
  /** somebody who wants the bytes of a file while they arrive */
  onward?(file: RemoteFile, path: string): FileAhead | undefined;
}

/** An image's files with where each can be had: metadata first. */
export type RemoteFiles = readonly { part: "metadata" | "rootfs"; file: RemoteFile }[];

/**
 * Downloads an image's files, whose caller holds the lock of the image's download.
 *
 * @throws {DreyError} `NETWORK`, `IMAGE_INVALID`, `NO_SPACE`
 */
export async function fetchFiles(
  context: Context,
  wanted: RemoteFiles,
  { ahead, ...options }: FetchOptions & { ahead?: Ahead },
): Promise<ImageFiles> {
  const directory = join(downloadsDirectory(context), options.fingerprint);
  const onwards = new Map<RemoteFile, FileAhead>();
  for (const part of ["metadata", "rootfs"]) {
    const file = wanted.find((row) => row.part === part)?.file;
    if (file === undefined || ahead === undefined) continue;
    onwards.set(file, await ahead.file(join(directory, file.sha256)));
  }
  ahead?.end();
  const paths = await fetchBlobs(context, wanted.map(({ file }) => file), {
    ...options,
    onward: (file) => onwards.get(file),
  });
  const pathOf = (part: string) => paths[wanted.findIndex((row) => row.part === part)];
  const metadata = pathOf("metadata");
  const rootfs = pathOf("rootfs");
  if (metadata === undefined) throw new DreyError("IMAGE_INVALID", { message: "The image has no metadata" });
  return rootfs === undefined ? { metadata } : { metadata, rootfs };
}

/** files that are downloaded at once */
const atOnce = 3;

/**
 * Downloads files that belong together, a few at once; answers with where they lie, in the same order.
 *
 * @throws {DreyError} `NETWORK`, `IMAGE_INVALID`, `NO_SPACE`
 */
export async function fetchBlobs(
  context: Context,
  wanted: readonly RemoteFile[],
  { fingerprint, task, onward, ...options }: FetchOptions,
): Promise<string[]> {
  const { downloadFile } = await import("../../images/download.ts");
  const { cacheDirectory, offerToCache, takeFromCache } = await import("../../images/shared_cache.ts");
  const cache = cacheDirectory();
  const directory = join(downloadsDirectory(context), fingerprint);
  await makeClosed(directory);
  const report = reporter(task);
  const show = byteProgress(report, { total: wanted.reduce((sum, { size }) => sum + size, 0) });
  const have = new Map<string, number>();
  const stop = new AbortController();
  const signal = task === undefined ? stop.signal : AbortSignal.any([task.signal, stop.signal]);
  const queue = [...new Map(wanted.map((file) => [file.sha256, file])).values()];
  const fetchNext = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const { sha256, size } = file;
      const path = join(directory, sha256);
      const next = onward?.(file, path);
      if (!exists(path) && await takeFromCache(cache, file, path)) {
        have.set(sha256, size);
        await Deno.chmod(path, 0o644);
        next?.cut();
        continue;
      }
      await downloadFile(file, path, {
        ...options,
        signal,
        ...next !== undefined && { pass: next.pass, onRestart: next.cut },
        onProgress(bytes) {
          have.set(sha256, bytes);
          show([...have.values()].reduce((sum, count) => sum + count, 0));
        },
      });
      // whatever the umask: root of a map is to read it; the directory keeps others out
      await Deno.chmod(path, 0o644);
      next?.end();
      await offerToCache(cache, sha256, path);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, fetchNext));
  } catch (error) {
    stop.abort();
    task?.signal.throwIfAborted();
    throw error;
  } finally {
    await report.done();
  }
  return wanted.map(({ sha256 }) => join(directory, sha256));
}

/** Forgets what is left of an image's download, once it is recorded or was no use. */
export async function forgetDownload(context: Context, fingerprint: string): Promise<void> {
  await discard(join(downloadsDirectory(context), fingerprint), { recursive: true });
}

/** Held by whoever downloads an image, so that two who want it download it once. */
export const downloadLock = (fingerprint: string) => ["image_downloads", fingerprint];
