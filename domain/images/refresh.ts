// Keeping images up to date: what their remote has now under the name they were fetched by takes their place.

import { DreyError } from "../../errors.ts";
import type { Image } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { startOperation, type Task } from "../operations.ts";
import { patchImage, removeImage } from "./change.ts";
import { retryCommit } from "../changed.ts";
import { type AliasRecord, findRecord, imageEvent, type ImageRecord } from "./records.ts";
import { resolveImage } from "./resolve.ts";

/**
 * Begins to bring an image up to date; the operation's metadata says as `refreshed` whether there was anything newer.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` for an image that came from nowhere
 */
export async function refreshImage(context: Context, project: string, prefix: string): Promise<Operation> {
  const { value } = await findRecord(context, project, prefix);
  if (value.update_source === undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `Image "${value.fingerprint.slice(0, 12)}" came from no remote, so there is nothing newer`,
    });
  }
  return await startOperation(context, {
    project,
    description: "Refreshing image",
    resources: { images: [`/1.0/images/${value.fingerprint}`] },
    mayCancel: true,
    async run(task) {
      const fresh = await bringUpToDate(context, value, task);
      const fingerprint = fresh?.fingerprint ?? value.fingerprint;
      await task.update({ refreshed: fresh !== undefined, fingerprint });
    },
  });
}

/** The newer image that took the place of an old one; undefined if there is none. */
export async function bringUpToDate(
  context: Context,
  old: ImageRecord,
  task?: Task,
): Promise<Image | undefined> {
  const { project, update_source: source } = old;
  if (source === undefined) return undefined;
  const { server, protocol, alias, certificate, image_type } = source;
  const named = { server, protocol, alias, certificate, image_type, refresh: true };
  const fresh = await resolveImage(context, project, named, task);
  if (fresh.fingerprint === old.fingerprint) return undefined;
  await patchImage(context, project, {
    fingerprint: fresh.fingerprint,
    put: { auto_update: old.auto_update, public: old.public, profiles: old.profiles },
    cached: old.cached,
  });
  await moveAliases(context, { from: old, to: fresh.fingerprint });
  await removeImage(context, project, old.fingerprint);
  return fresh;
}

async function moveAliases(
  context: Context,
  { from, to }: { from: ImageRecord; to: string },
): Promise<void> {
  await retryCommit("The alias", async () => {
    const all = await context.store.list<AliasRecord>(["image_aliases", from.project]);
    const mine = all.filter(({ value }) => value.target === from.fingerprint);
    return await context.store.commit(
      mine.map(({ key, revision }) => ({ key, revision })),
      [
        ...mine.map(({ key, value }) => ({ key, value: { ...value, target: to } })),
        imageEvent(context, "image-refreshed", { project: from.project, fingerprint: to }),
      ],
    );
  });
}
