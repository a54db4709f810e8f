// What is done about images now and then: newer ones fetched, expired and unused ones removed. Done by `drey serve`
// while it runs, and by `drey image refresh --all` for those who have none.

import * as serverKeys from "../../config/server_keys.ts";
import { describeError } from "../../errors.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { emitLogging } from "../events.ts";
import { startOperation } from "../operations.ts";
import { listImages } from "./records.ts";
import { removeImage } from "./change.ts";
import { bringUpToDate } from "./refresh.ts";
import { imageSetting } from "./settings.ts";

const hour = 3_600_000;
const lastLook = ["image_upkeep"];

/** Does what is due; whoever asks while another process does it waits for nothing. */
export async function keepImages(context: Context): Promise<void> {
  await removeExpired(context);
  const projects = new Set((await listImages(context)).filter(isFollowed).map(({ project }) => project));
  for (const project of projects) {
    if (await takeTurn(context, project)) await updateAll(context, project);
  }
}

/** Whether it is time to look for newer images of a project, and this process is the one to do it. */
async function takeTurn(context: Context, project: string): Promise<boolean> {
  const hours = await imageSetting(context, project, serverKeys.imagesAutoUpdateInterval) ?? 6;
  const key = [...lastLook, project];
  const last = await context.store.get<string>(key);
  const passed = context.now().getTime() - Date.parse(last?.value ?? "1970-01-01T00:00:00Z");
  if (hours === 0 || passed < hours * hour) return false;
  return await context.store.commit(
    [{ key, revision: last?.revision ?? 0 }],
    [{ key, value: context.now().toISOString() }],
  );
}

const isFollowed = ({ auto_update, update_source }: Image) => auto_update && update_source !== undefined;

/** Brings every image up to date that is to be; one that fails is told of in the log, and tried again next time. */
async function updateAll(context: Context, project?: string): Promise<string[]> {
  const wanted = (await listImages(context, project)).filter(isFollowed);
  const fresh: string[] = [];
  for (const image of wanted) {
    try {
      const newer = await bringUpToDate(context, image);
      if (newer !== undefined) fresh.push(newer.fingerprint);
    } catch (error) {
      const message = `Cannot bring image ${image.fingerprint.slice(0, 12)} up to date: ${
        describeError(error)
      }`;
      await emitLogging(context, { level: "warning", message, project: image.project });
    }
  }
  return fresh;
}

/** Removes images whose time has come, and fetched ones that nobody has used for long. */
async function removeExpired(context: Context): Promise<void> {
  const now = context.now().getTime();
  const doomed: Image[] = [];
  for (const image of await listImages(context)) {
    const days = await imageSetting(context, image.project, serverKeys.imagesCacheExpiry) ?? 10;
    if (isOver(image, { now, days })) doomed.push(image);
  }
  const [first] = doomed;
  if (first === undefined) return;
  await startOperation(context, {
    project: first.project,
    description: "Cleaning up expired images",
    async run() {
      const failed: unknown[] = [];
      for (const { project, fingerprint } of doomed) {
        await removeImage(context, project, fingerprint).catch((error) => failed.push(error));
      }
      // one that cannot be removed, or that somebody else has removed, keeps no other here
      if (failed.length > 0) throw failed[0];
    },
  });
}

/** Whether an image is to be removed at a time, in milliseconds since 1970. */
export function isOver(image: Image, { now, days }: { now: number; days: number }): boolean {
  const end = Date.parse(image.expires_at);
  // a fetched image goes when nobody uses it, however long its distribution lives
  if (!image.cached) return end > 0 && end <= now;
  if (days === 0) return false;
  const used = Math.max(Date.parse(image.last_used_at), Date.parse(image.uploaded_at));
  return now - used >= days * 24 * hour;
}
