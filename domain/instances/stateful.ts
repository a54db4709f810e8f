// Keeping the memory of a virtual machine: a stop that the next start goes on from, and snapshots with it. The memory
// lies beside the disk in the machine's root, so whatever keeps or copies the disk has it too. It counts if the record
// says so and the file is there; the machine that goes on from it removes it before its guest does anything.

import { migrationStateful } from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { doInBox, saveMemory } from "../../runtime/vm/door.ts";
import { writeFilesArgv } from "../../runtime/vm/box_files.ts";
import { guestRoot } from "../../runtime/vm/box.ts";
import { agentShare } from "../../runtime/vm/guest_agent.pl.ts";
import { stateNames } from "../../runtime/vm/disk_root.ts";
import { type Machine, shareIds } from "../../runtime/vm/machine.ts";
import { goOn, openMonitor } from "../../runtime/vm/qmp.ts";
import { removeBehind, unplug } from "../../runtime/vm/ports.ts";
import { shareChardev, shareDevice, shareLine } from "../../runtime/vm/shares.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { runningDevices } from "../devices.ts";
import { announced } from "../intents.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { cpuCount, memorySize, runningMachine } from "../machines/plan.ts";
import { readSavedState, type SavedState } from "../machines/saved_state.ts";
import { expand } from "./expand.ts";
import { readHostSize } from "./host_size.ts";
import { instanceKey, instancePaths, loadRecord } from "./record.ts";
import { layersOf, openRootPool } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";
import { currentState } from "./status.ts";
import { stopLocked } from "./stop.ts";
import { editRecord } from "./changes.ts";

/** Stops a machine so that its next start goes on from here; the caller holds its lock. */
export async function stopStateful(context: Context, ref: Ref): Promise<void> {
  const facts = await mustBeSavable(context, ref);
  const intent = { do: "save", instance: ref } as const;
  await announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
    await save(context, ref, facts);
    await setStateful(context, ref, true);
    await stopLocked(context, ref, { force: true, timeout: 0, isSaved: true });
    await context.store.commit([], [done]);
  });
}

/** Has `work` done while a machine is halted with its memory beside its disk; it goes on afterwards. */
export async function withMemory(context: Context, ref: Ref, work: () => Promise<void>): Promise<void> {
  const facts = await mustBeSavable(context, ref);
  const { door } = instancePaths(context, ref);
  const intent = { do: "save", instance: ref } as const;
  await announced(context, { intent, locks: [instanceKey(ref)] }, async (done) => {
    await save(context, ref, facts);
    try {
      await work();
    } finally {
      // the guest goes on even if the file could not be removed, which means nothing without the record
      await doInBox(door, [["prepare", "rm", "-f", "--", ...statePaths]]).finally(() => goOn(door));
      await plugShares(door, facts.machine);
      await context.store.commit([], [done]);
    }
  });
}

const statePaths = Object.values(stateNames).map((name) => `${guestRoot}/${name}`);

/** Ends what a killed process began: the machine is stopped with its memory saved, or goes on. */
export async function finishSaving(context: Context, ref: Ref): Promise<void> {
  if (currentState(context, ref).status !== "Running") return;
  const { value } = await loadRecord(context, ref);
  if (value.stateful && await hasSavedState(context, ref)) {
    return await stopLocked(context, ref, { force: true, timeout: 0, isSaved: true });
  }
  const { run, door } = instancePaths(context, ref);
  await goOn(door);
  const started = runningMachine(run);
  if (started !== undefined) await plugShares(door, started.machine);
}

/** Whether the next start can go on from a saved memory, if the record says so too. */
export async function hasSavedState(context: Context, ref: Ref): Promise<boolean> {
  await using pool = await openRootPool(context, ref);
  return readSavedState(layersOf(pool.driver.root(volumeOf(ref)))) !== undefined;
}

/** Gives a saved memory up. */
export async function forgetState(context: Context, ref: Ref): Promise<void> {
  await setStateful(context, ref, false);
}

async function setStateful(context: Context, ref: Ref, stateful: boolean): Promise<void> {
  const { value } = await loadRecord(context, ref);
  if (value.stateful !== stateful) await editRecord(context, ref, (record) => ({ ...record, stateful }));
}

interface Savable {
  machine: Machine;
  config: Config;
}

/** @throws {DreyError} with what stands against it, and the cure */
async function mustBeSavable(context: Context, ref: Ref): Promise<Savable> {
  const { value: record } = await loadRecord(context, ref);
  const no = (code: "NOT_SUPPORTED" | "BAD_REQUEST" | "INSTANCE_STATE", why: string, hint?: string) =>
    new DreyError(code, { message: `Cannot save the state of "${ref.name}": ${why}`, ...hint && { hint } });
  if (record.type !== "virtual-machine") {
    throw no("NOT_SUPPORTED", "the memory of a container cannot be kept");
  }
  if (currentState(context, ref).status !== "Running") throw no("INSTANCE_STATE", "it is not running");
  const { config } = await expand(context, ref.project, record);
  if (readKey(config, migrationStateful) !== true) {
    throw no(
      "BAD_REQUEST",
      "migration.stateful is not true",
      `Run: drey config set ${ref.name} migration.stateful=true`,
    );
  }
  await using pool = await openRootPool(context, ref);
  if (!hasOwnDisk(pool.driver.root(volumeOf(ref)))) {
    throw no(
      "NOT_SUPPORTED",
      "its root is shared with the host, and virtiofsd cannot hand over what the guest has open",
      `Make it anew, with migration.stateful=true from the start: drey publish ${ref.name} --alias NAME, ` +
        "drey launch NAME --vm -c migration.stateful=true",
    );
  }
  const { run } = instancePaths(context, ref);
  const started = runningMachine(run);
  if (started === undefined) {
    throw no("INSTANCE_STATE", "it was started by an older drey", "Restart it first");
  }
  const shares = started.machine.shares.filter(({ tag }) => tag !== agentShare.tag);
  if (shares.length > 0) {
    throw no(
      "NOT_SUPPORTED",
      "directories of the host are shared with it",
      "Remove its devices of type disk",
    );
  }
  if (JSON.stringify(runningDevices(run)) !== JSON.stringify(started.devices)) {
    throw no("INSTANCE_STATE", "devices have come or gone since it was started", "Restart it first");
  }
  return { machine: started.machine, config };
}

/** Halts the machine and writes what it has in its memory. It goes on if that fails. */
async function save(context: Context, ref: Ref, { machine, config }: Savable): Promise<void> {
  const { door } = instancePaths(context, ref);
  const state: SavedState = {
    machine,
    board: await boardOf(door),
    asked: { memory: memorySize(config, readHostSize([]).memory), cpus: cpuCount(config) },
  };
  await unplugShares(door, machine);
  try {
    await saveMemory(door, `${guestRoot}/${stateNames.memory}`);
    // the last thing, since it is what says that there is a state
    const argv = writeFilesArgv(guestRoot, { [stateNames.facts]: JSON.stringify(state) });
    await doInBox(door, [["prepare", ...argv]]);
  } catch (error) {
    await goOn(door);
    await plugShares(door, machine);
    throw error;
  }
}

async function boardOf(door: string): Promise<string> {
  using qmp = await openMonitor(door);
  const type = await qmp.execute("qom-get", { path: "/machine", property: "type" }) as string;
  return type.replace(/-machine$/, "");
}

/** The share with the agent is of use to a guest that boots; no machine can be saved that has it. */
async function unplugShares(door: string, machine: Machine): Promise<void> {
  if (machine.shares.length === 0) return;
  await doInBox(door, shareIds(machine).map((id) => ["forget", id]));
  using qmp = await openMonitor(door);
  for (const id of shareIds(machine)) {
    await unplug(qmp, `device-${id}`);
    await removeBehind(qmp, "chardev-remove", id);
  }
}

/** Gives it back, unless it is there. */
async function plugShares(door: string, machine: Machine): Promise<void> {
  const ids = shareIds(machine);
  if (ids.length === 0 || await hasChardev(door, ids[0] ?? "")) return;
  await doInBox(door, machine.shares.map((share, index) => shareLine(share, ids[index] ?? "")));
  using qmp = await openMonitor(door);
  for (const [index, { tag }] of machine.shares.entries()) {
    const id = ids[index] ?? "";
    await qmp.execute(...shareChardev(id));
    await qmp.execute("device_add", shareDevice({ id, tag, bus: `port${machine.nics.length + index}` }));
  }
}

async function hasChardev(door: string, id: string): Promise<boolean> {
  using qmp = await openMonitor(door);
  const found = await qmp.execute("query-chardev") as { label: string }[];
  return found.some(({ label }) => label === id);
}
