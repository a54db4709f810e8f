// Unpacking an image while its files still arrive. Nothing of it counts before the files have turned out to be the
// right ones; what went wrong here is told then, or found out again by whoever reads them from the disk.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import type { IdMap } from "../../idmap/map.ts";
import type { ImageFiles } from "../../images/scan.ts";
import type { ImageStream, UnpackedImage } from "../../images/unpack.ts";
import { Channel } from "../../sys/channel.ts";
import type { StillFile } from "../../sys/still_file.ts";
import type { Context } from "../context.ts";
import { lowersDirectory } from "./directories.ts";
import { makeClosed } from "./files.ts";

/** An image unpacked under a map, beside the place where it will be looked for. */
export interface Unpacked extends AsyncDisposable {
  image: UnpackedImage;
  map: IdMap;
}

/** One file of an image on its way. */
export interface FileAhead {
  /**
   * the next bytes, which lie in the file and which nobody may write over; waits while the unpacker is behind, and tells
   * whether it wants more
   */
  pass(chunk: Uint8Array): Promise<boolean>;
  /** all of it lies at its path, though not all was passed yet */
  lies(): void;
  /** all of it lies at its path, and was passed */
  end(): void;
  /** what was passed so far is not what the file holds */
  cut(): void;
}

interface FileHow {
  /** how many chunks may wait to be unpacked */
  room?: number;
  /** what it is a copy of */
  origin?: StillFile;
}

/** Gone, with all it made, when it is disposed before somebody took the outcome. */
export interface Ahead extends AsyncDisposable {
  /**
   * the next file of the image, that with metadata.yaml first
   */
  file(path: string, how?: FileHow): Promise<FileAhead>;
  /** there are no further files */
  end(): void;
  /**
   * What became of it once all files have ended; nothing if that says nothing about the image.
   *
   * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`
   */
  outcome(): Promise<Unpacked | undefined>;
}

/** Begins to unpack an image. */
export function unpackAhead(context: Context): Ahead {
  const files = new Channel<ImageStream>(2);
  const contents: Channel<Uint8Array>[] = [];
  const wholes: PromiseWithResolvers<void>[] = [];
  let isCut = false;
  const unpacking = unpack(context, files);
  // looked at in outcome(); until then nobody waits for it
  unpacking.catch(leave);
  let isTaken = false;

  function leave() {
    files.leave();
    for (const content of contents) content.leave();
  }

  return {
    async file(path, { room, origin } = {}) {
      const content = new Channel<Uint8Array>(room);
      contents.push(content);
      const whole = Promise.withResolvers<void>();
      // the unpacker meets it, unless it has ended before
      whole.promise.catch(() => {});
      wholes.push(whole);
      if (!await files.push({ path, content, whole: whole.promise, origin })) content.leave();
      return {
        pass: (chunk) => content.push(chunk),
        lies: () => whole.resolve(),
        end() {
          whole.resolve();
          content.close();
        },
        cut() {
          isCut = true;
          const anew = new Error("The file begins anew");
          whole.reject(anew);
          content.fail(anew);
        },
      };
    },
    end: () => files.close(),
    async outcome() {
      isTaken = true;
      try {
        const unpacked = await unpacking;
        if (!isCut) return unpacked;
        await unpacked[Symbol.asyncDispose]();
      } catch (error) {
        if (!isCut && error instanceof DreyError && telling.includes(error.code)) throw error;
      }
      return undefined;
    },
    async [Symbol.asyncDispose]() {
      if (isTaken) return;
      const unwanted = new Error("The image is not wanted any more");
      for (const content of contents) content.fail(unwanted);
      for (const whole of wholes) whole.reject(unwanted);
      leave();
      // whatever it says now, nobody asked
      await unpacking.then((unpacked) => unpacked[Symbol.asyncDispose](), () => {});
    },
  };
}

/** Errors that say what is the matter with the image; others may be the host's fault, or mean a disk. */
const telling: readonly string[] = ["IMAGE_INVALID", "NO_SPACE"];

/** The same for files that are on disk already. */
export async function unpackOnDisk(context: Context, files: ImageFiles): Promise<Unpacked | undefined> {
  const { streamsOf } = await import("../../images/unpack.ts");
  try {
    return await unpack(context, streamsOf(files));
  } catch (error) {
    if (!(error instanceof DreyError) || telling.includes(error.code)) throw error;
    return undefined;
  }
}

async function unpack(context: Context, files: AsyncIterable<ImageStream>): Promise<Unpacked> {
  const { unpackStreams } = await import("../../images/unpack.ts");
  const directory = lowersDirectory(context);
  await makeClosed(directory);
  const map = await defaultMap(context.user);
  const target = join(directory, "arriving");
  const image = await unpackStreams(files, { target, map, account: context.user });
  return { image, map, [Symbol.asyncDispose]: () => image[Symbol.asyncDispose]() };
}
