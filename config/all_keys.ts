// Every table of configuration keys, by what it configures: for whoever describes them all.

import { deviceTypes } from "./device_keys.ts";
import { instanceKeys, instanceKeysToCome } from "./instance_keys.ts";
import type { Key } from "./key.ts";
import { networkKeys, networkKeysToCome } from "./network_keys.ts";
import { poolKeys, poolKeysToCome } from "./pool_keys.ts";
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
  { entity: "server", title: "The server", keys: serverKeys, toCome: serverKeysToCome },
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
