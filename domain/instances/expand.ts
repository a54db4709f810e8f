// Profiles below, the instance's own settings on top: what really counts.

import type { Config, Devices } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { profileFor } from "../profile_settings.ts";

interface Settings {
  config: Config;
  devices: Devices;
}

/** Merges settings in order; a later one wins key by key, and device by device. */
export function mergeSettings(layers: readonly Settings[]): Settings {
  return {
    config: Object.assign({}, ...layers.map((layer) => layer.config)),
    devices: Object.assign({}, ...layers.map((layer) => layer.devices)),
  };
}

/**
 * The settings of an instance with those of its profiles below.
 *
 * @throws {DreyError} `NOT_FOUND` if a profile does not exist
 */
export async function expand(
  context: Context,
  project: string,
  instance: Settings & { profiles: string[] },
): Promise<Settings> {
  const profiles = await Promise.all(instance.profiles.map((name) => profileFor(context, { project, name })));
  return mergeSettings([...profiles, instance]);
}
