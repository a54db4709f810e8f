// Every table of configuration keys, by what it configures: for whoever describes them all.

import { deviceTypes } from "./device_keys.ts";
import { instanceKeys, instanceKeysToCome } from "./instance_keys.ts";
import type { Key } from "./key.ts";
import { networkKeys, networkKeysToCome, type NetworkType } from "./network_keys.ts";
import { everyDriver, poolKeys, poolKeysToCome } from "./pool_keys.ts";
import { projectKeys, projectKeysToCome } from "./project_keys.ts";
import { serverKeys, serverKeysToCome } from "./server_keys.ts";
import { volumeKeys, volumeKeysToCome } from "./volume_keys.ts";

/** What all keys have in common, whatever they configure. */
export type DescribedKey = Pick<Key, "name" | "type" | "short" | "default" | "live" | "internal">;

export interface KeyTable {
  /** LXD's word for what the keys configure: `instance`, `project`, `device-disk` */
  entity: string;
  /** heading of the reference page */
  title: string;
  keys: readonly DescribedKey[];
  /** LXD's keys that are refused by name */
  toCome: readonly string[];
}

export const keyTables: readonly KeyTable[] = [
  {
    entity: "instance",
    title: "Instances and profiles",
    keys: instanceKeys,
    toCome: instanceKeysToCome,
  },
  ...deviceTypes.map(({ type, keys, toCome }): KeyTable => ({
    entity: `device-${type}`,
    title: `Devices of type \`${type}\``,
    keys,
    toCome,
  })),
  { entity: "server", title: "The server", keys: serverKeys, toCome: Object.keys(serverKeysToCome) },
  { entity: "network", title: "Networks", keys: networkKeys, toCome: Object.keys(networkKeysToCome) },
  {
    entity: "storage-pool",
    title: "Storage pools",
    keys: poolKeys.map(({ row }) => row),
    toCome: poolKeysToCome,
  },
  {
    entity: "storage-volume",
    title: "Custom storage volumes",
    keys: volumeKeys.map(({ row }) => row),
    toCome: volumeKeysToCome,
  },
  { entity: "project", title: "Projects", keys: projectKeys, toCome: projectKeysToCome },
];

const networkTypes = ["bridge", "macvlan", "physical", "sriov"] as const satisfies readonly NetworkType[];

/**
 * Keys by the driver of a pool and the type of a network, and by group: where clients such as Terraform's look for
 * those they may set.
 */
export const keysByKind: Readonly<Record<string, Record<string, readonly DescribedKey[]>>> = Object
  .fromEntries([
    ...everyDriver.map((driver) => [`storage-${driver}`, {
      "pool-conf": poolKeys.filter(({ drivers }) => drivers.includes(driver)).map(({ row }) => row),
      "volume-conf": volumeKeys.map(({ row }) => row),
    }]),
    ...networkTypes.map((type) => [`network-${type}`, {
      "network-conf": networkKeys.filter((key) => key.for.includes(type)),
    }]),
  ]);
