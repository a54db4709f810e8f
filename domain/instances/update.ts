// Changing an instance's settings. Limits and devices reach a running instance at once; the rest counts from the next start.

import { validateDevices, validateTogether, withoutEmptyKeys } from "../../config/device_keys.ts";
import { withoutEmpty } from "../../config/key.ts";
import { validateInstanceConfig } from "../../config/instance_keys.ts";
import { DreyError } from "../../errors.ts";
import { applyLimits, controllers, instanceCgroup, missingController } from "../../runtime/cgroups.ts";
import type { Config, Devices, InstancePut, InstanceType } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import type { Write } from "../../store/store.ts";
import { checkDevices, hasOtherDevices, plugDevices } from "../devices.ts";
import { lifecycleWrite } from "../events.ts";
import { announced } from "../intents.ts";
import { startOperation } from "../operations.ts";
import { profileFor } from "../profile_settings.ts";
import { mustAllow } from "../projects/allow.ts";
import { missingHwaddrs } from "../networks/hwaddr.ts";
import { holdProject } from "../projects/effective.ts";
import { userConfig } from "./create.ts";
import { expand, mustNameOnce } from "./expand.ts";
import { checkRawIds } from "./ids.ts";
import { readHostSize } from "./host_size.ts";
import { planLimits } from "./limits.ts";
import {
  checkCloudInit,
  checkVolatile,
  directoryName,
  instanceAddress,
  instanceKey,
  instancePaths,
  type InstanceRecord,
  loadRecord,
  lockInstance,
  newInstanceId,
  nicAddresses,
} from "./record.ts";
import { isNewToCloudInit } from "./cloud_init.ts";
import { noteWarnings } from "./note_warnings.ts";
import { mustKeepRootDevice, mustStayInPool } from "./root_volume.ts";
import { applyRootSize, checkRootSize, rootSize } from "./root_size.ts";
import { readRunRecord } from "./run_record.ts";
import { currentState } from "./status.ts";
import { checkSyscalls } from "./syscalls.ts";
import { instanceChanged } from "./changes.ts";

/** Replaces the settings of an instance, as an operation. @throws {DreyError} `NOT_FOUND`, also for a profile */
export async function updateInstance(context: Context, ref: Ref, put: InstancePut): Promise<Operation> {
  const { value: { config: known } } = await loadRecord(context, ref);
  if (put.restore) {
    const { restoreInstance } = await import("./snapshots/restore.ts");
    return await restoreInstance(context, ref, { snapshot: put.restore, stateful: put.stateful ?? false });
  }
  await checkVolatile(put.config ?? {}, known);
  for (const name of put.profiles ?? []) await profileFor(context, { project: ref.project, name });
  return await startOperation(context, {
    project: ref.project,
    description: "Updating instance",
    resources: { instances: [instanceAddress(ref.name)] },
    async run(task) {
      await using _lock = await lockInstance(context, ref, task.signal);
      const warnings = await change(context, ref, (record) => ({
        ...record,
        description: put.description ?? "",
        ephemeral: put.ephemeral ?? false,
        profiles: put.profiles ?? [],
        devices: put.devices ?? {},
        config: { ...volatileConfig(record.config), ...ownConfig(context, ref, { record, put }) },
      }));
      if (warnings.length > 0) await task.update({ warnings });
    },
  });
}

/** Changes the settings that `put` names and leaves the others; an empty value unsets a key. */
export async function patchInstance(context: Context, ref: Ref, put: InstancePut): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  await checkVolatile(put.config ?? {}, (await loadRecord(context, ref)).value.config);
  await change(context, ref, (record) => ({
    ...record,
    description: put.description ?? record.description,
    ephemeral: put.ephemeral ?? record.ephemeral,
    profiles: put.profiles ?? record.profiles,
    devices: { ...record.devices, ...put.devices },
    config: { ...record.config, ...ownConfig(context, ref, { record, put }) },
  }));
}

/** Brings an instance that runs to what its profiles say now, and says whether it runs: another one reads them when it starts. */
export async function followProfiles(context: Context, ref: Ref): Promise<boolean> {
  if (!("pid" in currentState(context, ref))) return false;
  await using _lock = await lockInstance(context, ref);
  await change(context, ref, (record) => record);
  return true;
}

/** What is asked for; a NIC that is plugged in keeps its address. @throws {DreyError} `INSTANCE_STATE` */
function ownConfig(
  context: Context,
  ref: Ref,
  { record, put }: { record: InstanceRecord; put: InstancePut },
): Config {
  // with what only drey sets, which clients send back: no nonsense is taken for it in silence
  validateInstanceConfig(put.config ?? {}, record.type);
  const addresses = nicAddresses(put.config ?? {});
  const other = Object.keys(addresses).find((key) => addresses[key] !== (record.config[key] ?? ""));
  if (other !== undefined && "pid" in currentState(context, ref)) {
    throw new DreyError("INSTANCE_STATE", { message: `Cannot change "${other}" while the instance runs` });
  }
  return { ...userConfig(put.config ?? {}), ...addresses };
}

function volatileConfig(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith("volatile.")));
}

/** Changes an instance; the answer is what is less than was asked for, for people. */
async function change(
  context: Context,
  ref: Ref,
  edit: (record: InstanceRecord) => InstanceRecord,
): Promise<string[]> {
  const { value: before, revision } = await loadRecord(context, ref);
  const edited = edit(before);
  const config = withoutEmpty(withoutReplaced(edited));
  const after = { ...edited, config, devices: withoutEmptyKeys(edited.devices) };
  validateInstanceConfig(userConfig(config), after.type);
  validateDevices(after.devices);
  // what was recorded so before may be changed in other ways
  if (after.profiles.join() !== before.profiles.join()) mustNameOnce(after.profiles);
  const expanded = {
    before: await expand(context, ref.project, before),
    after: await expand(context, ref.project, after),
  };
  validateTogether(expanded.after.devices);
  await checkDevices(context, ref, after.devices, {
    expanded: expanded.after.devices,
    before: expanded.before.devices,
  });
  const devices = { before: expanded.before.devices, after: expanded.after.devices };
  mustKeepRootDevice(devices);
  mustStayInPool(devices, before.pool);
  refuseFixed(expanded.before.config, expanded.after.config);
  const [old, now] = [rootSize(expanded.before.devices), rootSize(expanded.after.devices)];
  if (old !== now) await checkRootSize(context, ref, expanded.after.devices);
  await using held = await holdProject(context, ref.project);
  await mustAllow(context, ref.project, {
    config: held.config,
    change: { instance: { name: ref.name, record: after } },
  });
  await checkRawIds(context, expanded.after.config);
  await checkSyscalls(expanded.after.config);
  await checkCloudInit(after.config, before.config);
  await applyLive(context, ref, {
    type: after.type,
    before: expanded.before.config,
    after: expanded.after.config,
  });
  // first: what cannot be is not written down
  const resized = old === now ? [] : await applyRootSize(context, ref, { wasSet: true, size: now });
  const said = { project: ref.project, action: "instance-updated", source: instanceAddress(ref.name) };
  const key = instanceKey(ref);
  const id = isNewToCloudInit(expanded) ? newInstanceId() : {};
  const commit = async (volatile: Config, more: Write[]) => {
    const remembered = withoutEmpty({ ...config, ...volatile, ...id });
    const hwaddrs = missingHwaddrs(expanded.after.devices, remembered);
    const done = await context.store.commit([{ key, revision }], [
      { key, value: { ...after, config: { ...remembered, ...hwaddrs } } },
      lifecycleWrite(context, said),
      ...more,
    ]);
    if (!done) throw instanceChanged(ref);
  };
  const live = { ...expanded.after, type: after.type };
  if (!isToPlug(context, ref, live.devices)) await commit({}, []);
  else {
    await announced(context, { intent: { do: "plug", instance: ref }, locks: [key] }, async (done) => {
      await commit(await plugLive(context, ref, live), [done]);
    });
  }
  await noteWarnings(context, ref, resized);
  return resized;
}

/** What is remembered of a device, `volatile.eth0.hwaddr`, ends where the device itself says it. */
function withoutReplaced({ config, devices }: Pick<InstanceRecord, "config" | "devices">): Config {
  const said = Object.entries(devices).flatMap(([name, device]) =>
    Object.keys(device).filter((key) => device[key] !== "").map((key) => `volatile.${name}.${key}`)
  );
  return Object.fromEntries(Object.entries(config).filter(([key]) => !said.includes(key)));
}

const isToPlug = (context: Context, ref: Ref, devices: Devices): boolean =>
  "pid" in currentState(context, ref) && hasOtherDevices(instancePaths(context, ref).run, devices);

/** Gives an instance the devices that its record says, after a change of them that was cut short. */
export async function finishPlugging(context: Context, ref: Ref): Promise<void> {
  const key = instanceKey(ref);
  const entry = await context.store.get<InstanceRecord>(key);
  if (entry === undefined) return;
  const { value, revision } = entry;
  const volatile = await plugLive(context, ref, {
    ...await expand(context, ref.project, value),
    type: value.type,
  });
  const config = withoutEmpty({ ...value.config, ...volatile });
  const isKept = await context.store.commit([{ key, revision }], [{ key, value: { ...value, config } }]);
  if (!isKept) throw instanceChanged(ref);
}

/** Gives a running instance the devices it shall have now; the others count from its next start. */
async function plugLive(
  context: Context,
  ref: Ref,
  { type, config, devices }: { type: InstanceType; config: Config; devices: Devices },
): Promise<Config> {
  const state = currentState(context, ref);
  if (!("pid" in state)) return {};
  const { run } = instancePaths(context, ref);
  return await plugDevices({ context, ref, type, config, devices, pid: state.pid }, run);
}

/** The id map belongs to the files: it is chosen at the first start and stays. */
function refuseFixed(before: Config, after: Config): void {
  if (before["volatile.last_state.idmap"] === undefined) return;
  const fixed = Object.keys({ ...before, ...after }).find((key) =>
    before[key] !== after[key] && (key.startsWith("security.idmap.") || key === "raw.idmap")
  );
  if (fixed === undefined) return;
  throw new DreyError("NOT_SUPPORTED", {
    message:
      `Cannot change ${fixed} once an instance has been started: its files belong to the ids it was given`,
    hint: "Set it when the instance is created: drey init IMAGE NAME -c " + fixed + "=…",
  });
}

async function applyLive(
  context: Context,
  ref: Ref,
  { type, before, after: config }: { type: InstanceType; before: Config; after: Config },
): Promise<void> {
  const { status } = currentState(context, ref);
  if (status !== "Running" && status !== "Frozen") return;
  if (type === "virtual-machine") {
    const { applyMachineLimits } = await import("./machine_limits.ts");
    return await applyMachineLimits(context, ref, { before, after: config });
  }
  const home = readRunRecord(instancePaths(context, ref).run)?.cgroupHome;
  const group = home === undefined ? undefined : instanceCgroup(home, directoryName(ref));
  const have = group === undefined ? [] : controllers(group.path);
  const host = readHostSize(have);
  const wanted = planLimits(config, host);
  const refused = wanted.find((limit) => !have.includes(limit.controller));
  if (refused !== undefined) throw missingController(refused);
  if (group === undefined) return;
  // limits that are set no longer go back to none, where there is a file to write that to
  const all = planLimits(config, host, { reset: true });
  applyLimits(group, all.filter((limit) => have.includes(limit.controller)));
}
