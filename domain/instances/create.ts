// Creating an instance: from an image to a record and, if asked, a running container.

import { validateDevices, validateTogether, withoutEmptyKeys } from "../../config/device_keys.ts";
import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { validateInstanceName } from "../../config/names.ts";
import { DreyError } from "../../errors.ts";
import { formatMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { primeMoves, readCgroupFacts } from "../../runtime/cgroup_home.ts";
import type { Write } from "../../store/store.ts";
import type { Image } from "../../wire/image.ts";
import type { Config, InstanceSource, InstancesPost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { checkDevices } from "../devices.ts";
import { isLocal, localImage, resolveImage } from "../images.ts";
import { announced } from "../intents.ts";
import { startOperation, type Task } from "../operations.ts";
import { missingHwaddrs } from "../networks/hwaddr.ts";
import { type OpenPool, openPool } from "../storage_pools/open.ts";
import { effectiveProject, holdProject } from "../projects/effective.ts";
import { applicationSettings, isApplicationKey } from "./application.ts";
import { expand, mustNameOnce } from "./expand.ts";
import { checkRawIds, chooseMap } from "./ids.ts";
import { checkSyscalls } from "./syscalls.ts";
import { randomName } from "./random_name.ts";
import {
  checkCloudInit,
  checkVolatile,
  instanceAddress,
  instanceKey,
  type InstanceRecord,
  lockInstance,
  newInstanceId,
  nicAddresses,
} from "./record.ts";
import { applyRootSize, rootSize } from "./root_size.ts";
import { contentOf, mustHaveRootDevice, poolFor, wantsDisk } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";
import { startLocked } from "./start.ts";
import { instanceEvent, snapshotEvents, snapshotsIn } from "./changes.ts";

/**
 * Starts the creation of an instance and answers with its operation.
 *
 * @throws {DreyError} `BAD_REQUEST` for a name or settings that are not allowed, `ALREADY_EXISTS`
 */
export async function createInstance(
  context: Context,
  project: string,
  body: InstancesPost,
): Promise<Operation> {
  if (body.start) primeMoves(readCgroupFacts(context.user.uid));
  const ref = { project, name: body.name || await freeName(context, project) };
  validateInstanceName(ref.name);
  if (body.source.type === "copy") {
    const { copyInstance } = await import("./copy.ts");
    return await copyInstance(context, ref, body);
  }
  if (body.source.type === "migration") {
    const { receiveInstance } = await import("../migration/sink.ts");
    return await receiveInstance(context, ref, body);
  }
  if (body.instance_type) {
    const { limitsOfSize } = await import("../../config/instance_type.ts");
    body = { ...body, config: { ...limitsOfSize(body.instance_type), ...body.config } };
  }
  await check(context, ref, body);
  return await startOperation(context, {
    project,
    description: "Creating instance",
    resources: { instances: [instanceAddress(ref.name)] },
    mayCancel: true,
    run: (task) => create(context, ref, { body, task }),
  });
}

async function check(context: Context, ref: Ref, body: InstancesPost): Promise<void> {
  keys.validateInstanceConfig(body.config ?? {}, body.type || "container");
  validateDevices(body.devices ?? {});
  mustNameOnce(body.profiles ?? []);
  const { config, devices } = await expand(context, ref.project, settingsOf(body));
  validateTogether(devices);
  // the profiles may be those of the image
  if (body.profiles !== undefined || body.source.type === "none") mustHaveRootDevice(devices);
  await checkRawIds(context, config);
  await checkSyscalls(config);
  await checkCloudInit(body.config ?? {});
  await checkVolatile(body.config ?? {});
  await checkDevices(context, ref, body.devices ?? {}, {
    expanded: devices,
    type: body.type || "container",
  });
  await refuseTaken(context, ref);
  if (body.source.type !== "none") await mustBeHere(context, ref, body.source);
}

/** What is not asked of a remote is known at once, as in LXD. @throws {DreyError} `NOT_FOUND` */
async function mustBeHere(context: Context, ref: Ref, source: InstanceSource): Promise<void> {
  if (isLocal(source)) {
    await localImage(context, await effectiveProject(context, ref.project, "images"), source);
  }
}

/** @throws {DreyError} `ALREADY_EXISTS` */
export async function refuseTaken(context: Context, ref: Ref): Promise<void> {
  if (await context.store.get(instanceKey(ref)) !== undefined) throw taken(ref);
}

const taken = (ref: Ref) =>
  new DreyError("ALREADY_EXISTS", { message: `Instance "${ref.name}" already exists` });

function settingsOf(body: InstancesPost) {
  return { config: body.config ?? {}, devices: body.devices ?? {}, profiles: body.profiles ?? ["default"] };
}

/** Settings without drey's own keys, which a client may send back but not make. */
export function userConfig(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith("volatile.")));
}

async function create(
  context: Context,
  ref: Ref,
  { body, task }: { body: InstancesPost; task: Task },
): Promise<void> {
  await using _lock = await lockInstance(context, ref, task.signal);
  await refuseTaken(context, ref);
  const image = body.source.type === "none" ? undefined : await findImage(context, ref, { body, task });
  const record = await newRecord(context, ref, { body, image });
  const { map, ids } = await firstMap(context, ref, record);
  await using _ids = ids;
  const asDisk = record.type === "virtual-machine" &&
    wantsDisk(record, (await expand(context, ref.project, record)).config);
  const content = await contentOf(context, image?.fingerprint, { map, asDisk });
  task.signal.throwIfAborted();
  // a virtual machine boots what there is
  const settings = image === undefined || record.type !== "container"
    ? {}
    : await applicationSettings(context, image, content);
  await enterWithVolume(context, ref, {
    record: { ...record, config: { ...settings, ...record.config } },
    make: async (pool) => {
      await pool.driver.create(volumeOf(ref), content);
      if (record.type === "virtual-machine") await mustHold(pool, ref, { context, record });
    },
  });
  const warnings = await applyRootSize(context, ref);
  if (body.start) warnings.push(...await startLocked(context, ref));
  if (warnings.length > 0) await task.update({ warnings });
}

/** @throws {DreyError} `BAD_REQUEST` if the disk that a machine comes with is larger than its settings say */
async function mustHold(
  { driver }: OpenPool,
  ref: Ref,
  { context, record }: { context: Context; record: InstanceRecord },
): Promise<void> {
  const { mustNotShrink } = await import("../machines/disk_size.ts");
  const { devices } = await expand(context, ref.project, record);
  mustNotShrink(driver, volumeOf(ref), rootSize(devices));
}

/** The image a root file system comes from. @throws {DreyError} `NOT_FOUND`, `NOT_SUPPORTED` */
export async function findImage(
  context: Context,
  ref: Ref,
  { body, task }: { body: Pick<InstancesPost, "source" | "type">; task: Task },
): Promise<Image> {
  const images = await effectiveProject(context, ref.project, "images");
  const type = body.type || "container";
  const image = await resolveImage(context, images, { ...body.source, image_type: type }, task);
  // any system can be the root of a machine, but a disk is nothing for a container
  if (image.type === "container" || type === "virtual-machine") return image;
  throw new DreyError("BAD_REQUEST", {
    message: `Image "${image.fingerprint.slice(0, 12)}" is for a virtual machine, not for a container`,
    hint: "Ask for a virtual machine: --vm",
  });
}

/** Makes a volume, and then the record that it belongs to; what fails leaves neither. */
export async function enterWithVolume(
  context: Context,
  ref: Ref,
  { record, make, more = [] }: {
    record: InstanceRecord;
    make: (pool: OpenPool) => Promise<void>;
    /** records that come to be with it */
    more?: Write[];
  },
): Promise<void> {
  const key = instanceKey(ref);
  const intent = { do: "remove", pool: record.pool, volume: volumeOf(ref), unless: key } as const;
  await using pool = await openPool(context, record.pool);
  await announced(context, { intent, locks: [key] }, async (done) => {
    await make(pool);
    await enter(context, ref, { record, writes: [done, ...more] });
  });
}

/**
 * The ids a new instance is made for. An isolated one is given its own at once, noted in its record; nobody else may
 * choose until that is kept, when `ids` is disposed.
 */
export async function firstMap(context: Context, ref: Ref, record: InstanceRecord) {
  const layout = await readLayout(context.user);
  const { config } = await expand(context, ref.project, record);
  const isIsolated = readKey(config, keys.idmapIsolated) ?? false;
  const ids = isIsolated ? await context.store.lock(["isolated-ids"]) : undefined;
  const map = await chooseMap(context, ref, { config, layout });
  if (isIsolated) record.config["volatile.last_state.idmap"] = formatMap(map);
  return { map, ids };
}

/** Puts the record into its project, if there is room for it. */
async function enter(
  context: Context,
  ref: Ref,
  { record, writes }: { record: InstanceRecord; writes: Write[] },
): Promise<void> {
  await using held = await holdProject(context, ref.project);
  if (Object.keys(held.config).some((key) => /^(limits\.|restricted$)/.test(key))) {
    const { mustAllow } = await import("../projects/allow.ts");
    await mustAllow(context, ref.project, {
      config: held.config,
      change: { instance: { name: ref.name, record } },
    });
  }
  // last of all, so that whatever fails before leaves nothing; a name taken meanwhile makes it fail
  const isFree = await context.store.commit([{ key: instanceKey(ref), revision: 0 }], [
    { key: instanceKey(ref), value: record },
    ...writes,
    instanceEvent(context, ref, "instance-created", { type: record.type, "storage-pool": record.pool }),
    ...snapshotEvents(context, ref, { action: "instance-snapshot-created", snapshots: snapshotsIn(writes) }),
  ]);
  if (!isFree) throw taken(ref);
}

async function newRecord(
  context: Context,
  ref: Ref,
  { body, image }: { body: InstancesPost; image: Image | undefined },
): Promise<InstanceRecord> {
  const now = context.now().toISOString();
  const profiles = body.profiles ?? image?.profiles ?? ["default"];
  const { config, devices } = await expand(context, ref.project, { ...settingsOf(body), profiles });
  validateTogether(devices); // the profiles may be those of the image
  mustHaveRootDevice(devices);
  const addresses = nicAddresses(body.config ?? {});
  if (image !== undefined) mustMeet(image, config);
  if (image !== undefined && image.architecture !== Deno.build.arch) {
    (await import("../architectures.ts")).mustRunHere(image.architecture);
  }
  return {
    description: body.description ?? "",
    type: body.type || "container",
    architecture: image?.architecture ?? (body.architecture || Deno.build.arch),
    created_at: now,
    last_used_at: "1970-01-01T00:00:00Z",
    ephemeral: body.ephemeral ?? false,
    stateful: false,
    profiles,
    config: {
      ...(image === undefined ? {} : imageConfig(image)),
      ...userConfig(body.config ?? {}),
      ...addresses,
      ...missingHwaddrs(devices, addresses),
      "volatile.uuid": crypto.randomUUID(),
      ...newInstanceId(),
      "volatile.last_state.power": "STOPPED",
    },
    devices: withoutEmptyKeys(body.devices ?? {}),
    pool: poolFor(devices),
  };
}

/** What an image says it cannot do without. @throws {DreyError} `BAD_REQUEST`, `NOT_SUPPORTED` */
function mustMeet({ properties, type }: Image, config: Config): void {
  const isSecure = type === "virtual-machine" && (readKey(config, keys.securitySecureboot) ?? true);
  if (properties["requirements.privileged"] === "true") {
    throw new DreyError("NOT_SUPPORTED", {
      message: "The image is for privileged containers only: root in a container is never root on the host",
    });
  }
  if (properties["requirements.secureboot"] === "false" && isSecure) {
    throw new DreyError("BAD_REQUEST", {
      message: "The image cannot start where the firmware runs only what is signed",
      hint: "Set security.secureboot=false for the instance",
    });
  }
  if (properties["requirements.nesting"] !== "true" || readKey(config, keys.securityNesting)) return;
  throw new DreyError("BAD_REQUEST", {
    message: "The image is for instances in which others may run",
    hint: "Set security.nesting=true for the instance",
  });
}

/** What an instance's configuration says of its image. */
export function imageConfig({ properties, fingerprint }: Image): Config {
  const fromImage = Object.entries(properties).filter(([key]) => !isApplicationKey(key))
    .map(([key, value]) => [`image.${key}`, value]);
  return {
    ...Object.fromEntries(fromImage),
    "volatile.base_image": fingerprint,
    "volatile.apply_template": "create",
  };
}

async function freeName(context: Context, project: string): Promise<string> {
  for (;;) {
    const name = randomName();
    if (await context.store.get(instanceKey({ project, name })) === undefined) return name;
  }
}
