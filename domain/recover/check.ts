// Whether what was found may come back. Its description was written by drey, but whoever has had the disk since may have
// changed it: it is held against all that a backup is held against, and against the rules of its project.

import { join } from "@std/path";
import { validateDevices } from "../../config/device_keys.ts";
import { rawIdmap, validateInstanceConfig } from "../../config/instance_keys.ts";
import { validateVolumeConfig } from "../../config/volume_keys.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, isSingle, parseMap, toNamespace } from "../../idmap/map.ts";
import type { Config, Devices, InstanceType } from "../../wire/instance.ts";
import { isMisremembered } from "../backups/described.ts";
import type { Context } from "../context.ts";
import { checkDevices } from "../devices.ts";
import { userConfig } from "../instances/create.ts";
import { expand } from "../instances/expand.ts";
import { checkCloudInit, checkVolatile } from "../instances/record.ts";
import { volumeOf as rootVolumeOf } from "../instances/volume_of.ts";
import { mustAllow } from "../projects/allow.ts";
import { volumeOf } from "../storage_volumes/record.ts";
import type { Lost, LostInstance, LostVolume } from "./lost.ts";
import type { Searched } from "./pools.ts";
import { backupFileName } from "./write.ts";

/**
 * Looks at what shall come back. The caller holds its project.
 *
 * @param rules configuration of the project
 * @throws {DreyError} saying what of it cannot be, and which file says so
 */
export async function mustBeUsable(
  context: Context,
  { driver }: Searched,
  { lost, rules }: { lost: Lost; rules: Config },
): Promise<void> {
  try {
    if (lost.type === "custom") await checkVolume(context, lost, rules);
    else await checkInstance(context, lost, rules);
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    const kind = lost.type === "custom" ? "volume" : "instance";
    const home = driver.home(lost.type === "custom" ? volumeOf(lost.ref) : rootVolumeOf(lost.ref));
    throw new DreyError(error.code, {
      message: `Cannot recover ${kind} "${lost.ref.name}": ${error.message}`,
      hint: `Correct "${join(home, backupFileName)}" or what is in its way, and recover again`,
      cause: error,
    });
  }
}

async function checkInstance(context: Context, lost: LostInstance, rules: Config): Promise<void> {
  const { ref, record, snapshots, type } = lost;
  for (const one of [record, ...snapshots.map(({ record }) => record)]) await checkSettings(one, type);
  const { devices } = await expand(context, ref.project, record);
  await checkDevices(context, ref, record.devices, { expanded: devices, type, isCopy: true });
  await mustAllow(context, ref.project, { config: rules, change: { instance: { name: ref.name, record } } });
}

async function checkSettings(
  { config, devices }: { config: Config; devices: Devices },
  type: InstanceType,
): Promise<void> {
  validateInstanceConfig(userConfig(config), type);
  validateDevices(devices);
  await checkVolatile(config);
  await checkCloudInit(config);
  const odd = Object.entries(config).find(([name, value]) => isMisremembered(name, value));
  if (odd !== undefined) throw badValue(odd[0]);
  checkMap(config);
}

/** Files that belong to ids keep them, whoever has noted them; but never are they those of the host's root. */
function checkMap(config: Config): void {
  const name = "volatile.last_state.idmap";
  const text = config[name];
  if (!text || config[rawIdmap.name]) return;
  const map = readMap(text);
  const isRoots = map !== undefined && (toNamespace(map.uids, 0) ?? toNamespace(map.gids, 0)) !== undefined;
  if (map === undefined || (isRoots && !isSingle(map))) throw badValue(name);
}

function readMap(text: string): IdMap | undefined {
  try {
    return parseMap(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const badValue = (name: string) => new DreyError("BAD_REQUEST", { message: `Invalid value for "${name}"` });

async function checkVolume(context: Context, { ref, record, snapshots }: LostVolume, rules: Config) {
  for (const one of [record, ...snapshots.map(({ record }) => record)]) {
    validateVolumeConfig(one.content_type, userConfig(one.config));
  }
  const volume = { ...ref, config: record.config };
  await mustAllow(context, ref.project, { config: rules, change: { volume } });
}
