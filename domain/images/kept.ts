// Images of remotes that are here already: under the same name, or in another project.

import { imagesAutoUpdateCached, imagesDefaultArchitecture } from "../../config/server_keys.ts";
import { kernelArchitecture } from "../../images/metadata.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import type { Task } from "../operations.ts";
import { downloadLock } from "./fetch.ts";
import { adoptImage } from "./files.ts";
import { getImage, imageKey, type ImageRecord, listImages } from "./records.ts";
import { imageSetting } from "./settings.ts";

/** Whether images fetched for an instance are to be kept up to date. */
export const updatesCached = async (context: Context, project: string): Promise<boolean> =>
  await imageSetting(context, project, imagesAutoUpdateCached) ?? true;

/** The architecture of images where none is asked for. */
export async function wantedArchitecture(context: Context, project: string): Promise<string> {
  const set = await imageSetting(context, project, imagesDefaultArchitecture);
  return (set && kernelArchitecture(set)) || Deno.build.arch;
}

/** What an image was once fetched as. */
export interface Fetched {
  protocol: string;
  server: string;
  name: string;
  type: Image["type"];
}

/** The image that was last fetched under a name, for when its server cannot be asked. */
export async function findKept(
  context: Context,
  project: string,
  { protocol, server, name, type }: Fetched,
): Promise<Image | undefined> {
  const images = await listImages(context, project);
  const same = ({ update_source: source, ...image }: Image) =>
    source !== undefined && source.protocol === protocol && source.server === server &&
    (source.alias === name || image.fingerprint === name) && image.type === type;
  return images.findLast(same);
}

/** An image that is known by its fingerprint before it is here. */
export interface Awaited {
  project: string;
  fingerprint: string;
  /** whose cancellation ends the waiting for others */
  task?: Task;
}

/**
 * The image of this fingerprint: as it is here, or once `fetch` has recorded it. Who wants it while another fetches it
 * waits, and finds it here.
 */
export async function hereOrFetched(
  context: Context,
  { project, fingerprint, task }: Awaited,
  fetch: () => Promise<void>,
): Promise<Image> {
  const here = await shareImage(context, project, fingerprint);
  if (here !== undefined) return here;
  await using _lock = await context.store.lock(downloadLock(fingerprint), task && { signal: task.signal });
  const meanwhile = await shareImage(context, project, fingerprint);
  if (meanwhile !== undefined) return meanwhile;
  await fetch();
  return await getImage(context, project, fingerprint);
}

/**
 * The image of this fingerprint, if the project has it; one that only another project has is recorded for this one too,
 * since the files are the same.
 */
export async function shareImage(
  context: Context,
  project: string,
  fingerprint: string,
): Promise<Image | undefined> {
  if (await context.store.get(imageKey(project, fingerprint)) === undefined) {
    const others = await context.store.list<ImageRecord>(["images"]);
    const other = others.find(({ key }) => key[2] === fingerprint)?.value;
    if (other?.update_source === undefined) return undefined;
    const uploaded_at = context.now().toISOString();
    await adoptImage(context, undefined, {
      record: { ...other, project, uploaded_at, cached: true, public: false, profiles: ["default"] },
    });
  }
  return await getImage(context, project, fingerprint);
}
