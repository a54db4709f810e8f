// What cloud-init takes for another instance: LXD gives it another id when its data or its NICs change. Pure.

import type { Config, Devices } from "../../wire/instance.ts";

interface Settings {
  config: Config;
  devices: Devices;
}

const data = ["user-data", "vendor-data", "network-config"].flatMap((name) => [
  `cloud-init.${name}`,
  `user.${name}`,
]);

/** Whether an instance whose expanded settings change is to be set up anew. */
export function isNewToCloudInit({ before, after }: { before: Settings; after: Settings }): boolean {
  const isOther = (key: string) => (before.config[key] ?? "") !== (after.config[key] ?? "");
  return data.some(isOther) || nicsOf(before) !== nicsOf(after);
}

/** Names of the NICs' interfaces, as far as they are known; else those of the devices. */
function nicsOf({ config, devices }: Settings): string {
  return Object.entries(devices).filter(([, device]) => device["type"] === "nic")
    .map(([name, device]) => device["name"] || config[`volatile.${name}.name`] || name).toSorted().join(" ");
}
