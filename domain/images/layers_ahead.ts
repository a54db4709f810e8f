// Layers of an application image being unpacked while they arrive, each for itself. They count after the image does;
// one that could not be unpacked is looked through on disk, and unpacked when an instance wants it.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import { mapId } from "../../idmap/map.ts";
import type { RemoteFile } from "../../images/download.ts";
import type { UnpackedLayer } from "../../images/layer.ts";
import { Channel } from "../../sys/channel.ts";
import { isDirectory } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import type { FileAhead } from "./ahead.ts";
import { layersDirectory } from "./directories.ts";
import { makeClosed } from "./files.ts";
import { layersLock } from "./layers.ts";

/** Gone, with all that was not kept, when it is disposed. */
export interface LayersAhead extends AsyncDisposable {
  /** one layer on its way to a path */
  file(file: RemoteFile, path: string): FileAhead;
  /**
   * Waits until all layers that have come were looked through.
   *
   * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`
   */
  check(): Promise<void>;
  /** puts them where instances look for them */
  keep(): Promise<void>;
}

interface Layer {
  sha256: string;
  path: string;
  content: Channel<Uint8Array>;
  unpacking: Promise<UnpackedLayer>;
  isCut: boolean;
}

/** Begins with no layers. */
export async function unpackLayersAhead(context: Context): Promise<LayersAhead> {
  const { scanLayer, unpackLayer } = await import("../../images/layer.ts");
  const directory = layersDirectory(context);
  await makeClosed(directory);
  const map = await defaultMap(context.user);
  const target = (sha256: string) => join(directory, `${sha256.slice(0, 24)}-${mapId(map)}`);
  const layers: Layer[] = [];
  const ready = new Map<string, UnpackedLayer>();

  return {
    file({ sha256 }, path) {
      const content = new Channel<Uint8Array>();
      const place = { target: target(sha256), map, account: context.user };
      const layer: Layer = { sha256, path, content, unpacking: unpackLayer(content, place), isCut: false };
      // looked at in check(); one that failed takes nothing more
      layer.unpacking.catch(() => content.leave());
      layers.push(layer);
      return {
        pass: (chunk) => content.push(chunk),
        lies() {}, // a layer is unpacked from what is passed
        end: () => content.close(),
        cut() {
          layer.isCut = true;
          content.fail(new Error("The layer begins anew"));
        },
      };
    },
    async check() {
      for (const { sha256, path, unpacking, isCut } of layers) {
        const outcome = await unpacking.catch((error: unknown) => ({ error }));
        if (!("error" in outcome)) {
          if (isCut) await outcome[Symbol.asyncDispose]();
          else ready.set(sha256, outcome);
          if (!isCut) continue;
        } else if (!isCut && outcome.error instanceof DreyError && tells(outcome.error)) throw outcome.error;
        await scanLayer(path);
      }
    },
    async keep() {
      await using _lock = await context.store.lock(layersLock);
      for (const [sha256, layer] of ready) {
        if (!isDirectory(target(sha256))) await layer.put(target(sha256));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { content } of layers) content.fail(new Error("The layer is not wanted any more"));
      // whatever became of them, they are as if they had never been; one that was kept has nothing left to undo
      for (const { unpacking } of layers) {
        await unpacking.then((layer) => layer[Symbol.asyncDispose](), () => {});
      }
    },
  };
}

/** Whether an error says something about the layer, and not about the host. */
const tells = ({ code }: DreyError) => code === "IMAGE_INVALID" || code === "NO_SPACE";
