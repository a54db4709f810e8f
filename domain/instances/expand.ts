// Profiles below, the instance's own settings on top: what really counts.

import { DreyError } from "../../errors.ts";
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

/** @throws {DreyError} `BAD_REQUEST` if a profile is named twice */
export function mustNameOnce(profiles: readonly string[]): void {
  const twice = profiles.find((name, at) => profiles.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Duplicate profile "${twice}": an instance has each at most once`,
  });
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
