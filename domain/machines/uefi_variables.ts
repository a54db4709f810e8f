// The variables of a virtual machine's firmware, which lie beside its disk: what a guest and its firmware remember, such
// as what is to be booted and who may sign it. They are the firmware's own while the machine runs.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { nvramName } from "../../runtime/vm/disk_root.ts";
import {
  readVariables,
  type UefiVariable,
  variableKey,
  writeVariables,
} from "../../runtime/vm/uefi_variables.ts";
import { exists } from "../../sys/present.ts";
import type { InstanceUefiVariables, UefiVariableEntry } from "../../wire/uefi_variables.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { expand } from "../instances/expand.ts";
import { instanceAddress, loadRecord, lockInstance } from "../instances/record.ts";
import { layersOf, openRootPool } from "../instances/root_volume.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { currentState } from "../instances/status.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { readBeside, writeBeside } from "./beside_disk.ts";
import { firmwareFor } from "./firmware.ts";
import { hasOwnDisk, wantsKernel } from "./own_disk.ts";

/**
 * The variables of a machine; those that its firmware begins with, if it has never run.
 *
 * @throws {DreyError} `BAD_REQUEST` for an instance that has none
 */
export async function getVariables(context: Context, ref: Ref): Promise<InstanceUefiVariables> {
  const { template, name } = await firmwareOf(context, ref);
  await using pool = await openRootPool(context, ref);
  mustHaveDisk(pool, ref);
  const flash = "pid" in currentState(context, ref)
    ? readWhileItRuns(pool, ref, name)
    : await readBeside(context, { driver: pool.driver, volume: volumeOf(ref) }, name);
  return toWire(readVariables(flash ?? await Deno.readFile(template)));
}

/**
 * Puts other variables in the place of all that a machine has.
 *
 * @throws {DreyError} `INSTANCE_STATE` while it runs, `BAD_REQUEST` for an instance without, `TOO_LARGE`
 */
export async function setVariables(context: Context, ref: Ref, put: InstanceUefiVariables): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  const { template, name } = await firmwareOf(context, ref);
  if (currentState(context, ref).status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: "UEFI variables belong to the firmware while the virtual machine runs",
      hint: `Run: drey stop ${ref.name}`,
    });
  }
  await using pool = await openRootPool(context, ref);
  mustHaveDisk(pool, ref);
  const place = { driver: pool.driver, volume: volumeOf(ref) };
  const before = await readBeside(context, place, name) ?? await Deno.readFile(template);
  await writeBeside(context, place, { name, bytes: writeVariables(before, fromWire(put)) });
  const source = instanceAddress(ref.name);
  await emitLifecycle(context, { project: ref.project, action: "instance-updated", source });
}

interface VariablesFile {
  /** what they begin as */
  template: string;
  /** beside the disk */
  name: string;
}

async function firmwareOf(context: Context, ref: Ref): Promise<VariablesFile> {
  const { value: record } = await loadRecord(context, ref);
  if (record.type !== "virtual-machine") throw hasNone("it is a container");
  const { config } = await expand(context, ref.project, record);
  const firmware = firmwareFor(config);
  if (firmware === undefined) throw hasNone("it has a BIOS");
  return { template: firmware.variables, name: nvramName(firmware.isSecure) };
}

function mustHaveDisk({ driver }: OpenPool, ref: Ref): void {
  const root = driver.root(volumeOf(ref));
  if (!hasOwnDisk(root) || wantsKernel(root)) {
    throw hasNone("it starts with a kernel of drey's, without firmware");
  }
}

/** Its root is mounted in its box alone; what the firmware has written is in the file at once. */
function readWhileItRuns(
  { driver }: OpenPool,
  ref: Ref,
  name: string,
): Uint8Array<ArrayBuffer> | undefined {
  const path = layersOf(driver.root(volumeOf(ref))).map((layer) => join(layer, name)).find(exists);
  return path === undefined ? undefined : Deno.readFileSync(path);
}

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function toWire(variables: readonly UefiVariable[]): InstanceUefiVariables {
  const entry = ({ attributes, data, time }: UefiVariable): UefiVariableEntry => ({
    data: hex(data),
    attr: attributes,
    ...(time.some((byte) => byte !== 0) ? { timestamp: hex(time) } : {}),
  });
  return { variables: Object.fromEntries(variables.map((one) => [variableKey(one), entry(one)])) };
}

/** Non-volatile, for the firmware's services at boot and at run time. */
const usualAttributes = 7;

const keyPattern = /^(.+)-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

function fromWire({ variables }: InstanceUefiVariables): UefiVariable[] {
  return Object.entries(variables ?? {}).map(([key, { data, attr, timestamp }]) => {
    const [, name, vendor] = keyPattern.exec(key) ?? [];
    if (name === undefined || vendor === undefined || name.includes("\0")) {
      throw bad(`"${key}" is no name of a variable, which ends in its vendor's UUID`);
    }
    const attributes = attr ?? usualAttributes;
    if (attributes < 0 || attributes > 0xffff_ffff) throw bad(`"${key}": there are no attributes ${attr}`);
    // a variable that is not non-volatile is in no file
    if ((attributes & 1) === 0) throw bad(`"${key}" is to be kept in memory only: its attributes are even`);
    const time = timestamp ? bytesOf(key, timestamp) : new Uint8Array(16);
    if (time.length !== 16) throw bad(`"${key}": a timestamp has 16 bytes`);
    const bytes = bytesOf(key, data ?? "");
    if (bytes.length === 0) throw bad(`"${key}" has no data, which stands for a variable that is not there`);
    return { name, vendor: vendor.toLowerCase(), attributes, data: bytes, time };
  });
}

function bytesOf(key: string, text: string): Uint8Array<ArrayBuffer> {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) {
    throw bad(`"${key}": "${text}" is not in pairs of hexadecimal digits`);
  }
  return new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
const hasNone = (why: string) => bad(`The instance has no UEFI variables: ${why}`);
