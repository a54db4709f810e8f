// Giving an instance another root: that of an image as it came, or an empty one. Settings and snapshots stay.

import { DreyError } from "../../errors.ts";
import { readLayout } from "../../idmap/ranges.ts";
import type { Write } from "../../store/store.ts";
import type { Config, InstanceRebuildPost, InstanceType } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { announced, orAsBefore } from "../intents.ts";
import { startOperation, type Task } from "../operations.ts";
import type { Content } from "../../storage/driver.ts";
import { openPool } from "../storage_pools/open.ts";
import { applicationPart, applicationSettings, isApplicationKey } from "./application.ts";
import { findImage, imageConfig } from "./create.ts";
import { expand } from "./expand.ts";
import { releaseImage } from "./files_of.ts";
import { chooseMap } from "./ids.ts";
import { instanceAddress, instanceKey, type InstanceRecord, loadRecord, lockInstance } from "./record.ts";
import { applyRootSize } from "./root_size.ts";
import { contentOf, wantsDisk } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";
import { atRest } from "./snapshots/at_rest.ts";
import { currentState } from "./status.ts";
import { editRecord, instanceEvent } from "./changes.ts";

/**
 * Rebuilds an instance, as an operation.
 *
 * @throws {DreyError} `NOT_FOUND`, `NOT_SUPPORTED` for other sources; the operation fails while the instance runs
 */
export async function rebuildInstance(
  context: Context,
  ref: Ref,
  body: InstanceRebuildPost,
): Promise<Operation> {
  const { value: { type } } = await loadRecord(context, ref);
  if (body.source.type !== "image" && body.source.type !== "none") {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot rebuild an instance from source "${body.source.type}"`,
    });
  }
  return await startOperation(context, {
    project: ref.project,
    description: "Rebuilding instance",
    resources: { instances: [instanceAddress(ref.name)] },
    run: (task) => rebuild(context, ref, { body: { ...body, type }, task }),
  });
}

async function rebuild(
  context: Context,
  ref: Ref,
  { body, task }: { body: InstanceRebuildPost & { type: InstanceType }; task: Task },
): Promise<void> {
  const image = body.source.type === "none" ? undefined : await findImage(context, ref, { body, task });
  await using _lock = await lockInstance(context, ref, task.signal);
  if (currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: "The instance must be stopped to be rebuilt",
      hint: `Run: drey stop ${ref.name}`,
    });
  }
  const { value: old } = await loadRecord(context, ref);
  const config = image === undefined ? {} : { ...imageConfig(image), ...applicationPart(image.properties) };
  const intent = { do: "rebuild", instance: ref, config } as const;
  await announced(context, { intent, locks: [instanceKey(ref)] }, (done) => {
    return replace(context, ref, { config, done });
  });
  await releaseImage(context, old);
}

/** Finishes a rebuild that was cut short, unless the instance is gone. */
export async function finishRebuild(context: Context, ref: Ref, config: Config): Promise<void> {
  if (await context.store.get(instanceKey(ref)) === undefined) return;
  if (currentState(context, ref).status === "Stopped") await replace(context, ref, { config });
}

async function replace(
  context: Context,
  ref: Ref,
  { config: fromImage, done }: { config: Config; done?: Write },
): Promise<void> {
  const { value } = await loadRecord(context, ref);
  const { config: expanded } = await expand(context, ref.project, value);
  const map = await chooseMap(context, ref, { config: expanded, layout: await readLayout(context.user) });
  await atRest(context, ref);
  await using pool = await openPool(context, value.pool);
  const asDisk = wantsDisk(value, expanded);
  const content = await contentOf(context, fromImage["volatile.base_image"], { map, asDisk });
  await orAsBefore(context, done, () => pool.driver.create(volumeOf(ref), content));
  const application = await applicationOf(context, value.type, { fromImage, content });
  const rebuilt = (record: InstanceRecord) => ({
    ...record,
    stateful: false,
    config: rebuiltConfig(record.config, { application, fromImage }),
  });
  await editRecord(context, ref, rebuilt, [
    ...(done === undefined ? [] : [done]),
    instanceEvent(context, ref, "instance-updated"),
  ]);
  await applyRootSize(context, ref);
}

/** What the new image runs, if it is an application. */
async function applicationOf(
  context: Context,
  type: InstanceType,
  { fromImage, content }: { fromImage: Config; content: Content },
): Promise<Config> {
  if (type !== "container") return {};
  const fingerprint = fromImage["volatile.base_image"] ?? "";
  const properties = { ...applicationPart(fromImage), type: fromImage["image.type"] ?? "" };
  return await applicationSettings(context, { fingerprint, properties }, content);
}

/** The settings as they were, but for what the images say: the new one also what it runs. */
function rebuiltConfig(
  config: Config,
  { application, fromImage }: { application: Config; fromImage: Config },
): Config {
  const stays = ([key]: [string, string]) => !/^(image|oci)\./.test(key) && key !== "volatile.base_image";
  const isNew = ([key]: [string, string]) => !isApplicationKey(key);
  return {
    ...application,
    // variables too, which somebody may have set
    ...Object.fromEntries(Object.entries(config).filter(stays)),
    ...Object.fromEntries(Object.entries(fromImage).filter(isNew)),
  };
}
