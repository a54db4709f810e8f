// What has to be there before something lost can come back: its project, profiles, networks, pools and image. Named as
// LXD's client prints them.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { exists, isDirectory } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import { lowersDirectory } from "../images/directories.ts";
import { imageFiles } from "../images/files.ts";
import { defaultNetwork, loadNetwork } from "../networks/record.ts";
import { profileFor } from "../profile_settings.ts";
import { effectiveProject, mustExist } from "../projects/effective.ts";
import type { Lost, LostInstance } from "./lost.ts";
import type { Searched } from "./pools.ts";

/** What is missing, each thing once. */
export async function missingFor(
  context: Context,
  found: readonly { lost: Lost; pool: Searched }[],
  pools: readonly Searched[],
): Promise<string[]> {
  const missing = new Set<string>();
  for (const { lost, pool } of found) {
    const { project } = lost.ref;
    if (!await isThere(() => mustExist(context, project))) {
      missing.add(`Project "${project}"`);
      continue;
    }
    if (lost.type === "custom") continue;
    for (const one of await missingParts(context, lost, pools)) missing.add(one);
    for (const id of pool.driver.needsImages ? lost.images : []) {
      if (!hasImage(context, id)) missing.add(`Image "${id.slice(0, 64)}"`);
    }
  }
  return [...missing].sort();
}

async function missingParts(
  context: Context,
  { ref: { project }, record }: LostInstance,
  pools: readonly Searched[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const name of record.profiles) {
    if (!await isThere(() => profileFor(context, { project, name }))) {
      missing.push(`Profile "${name}" in project "${project}"`);
    }
  }
  for (const { type, network, pool } of Object.values(record.devices)) {
    if (type === "nic" && network !== undefined && network !== defaultNetwork) {
      const home = await effectiveProject(context, project, "networks");
      if (!await isThere(() => loadNetwork(context, { project: home, name: network }))) {
        missing.push(`Network "${network}" in project "${home}"`);
      }
    }
    if (type === "disk" && pool !== undefined && pools.every(({ name }) => name !== pool)) {
      missing.push(`Storage pool "${pool}"`);
    }
  }
  return missing;
}

/** Whether an image is unpacked under the map that is wanted, or can be. */
function hasImage(context: Context, id: string): boolean {
  if (isDirectory(join(lowersDirectory(context), id, "rootfs"))) return true;
  return exists(imageFiles(context, id.slice(0, 64)).metadata);
}

async function isThere(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}
