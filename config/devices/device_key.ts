// What the configuration of a device type is: a table of its keys. Validation, help and the reference pages read it.

import type { Device } from "../../wire/instance.ts";
import type { Key } from "../key.ts";

/** A key of a device; like one of an instance, but for the types of instances it is on. */
export type DeviceKey<T = unknown> = Omit<Key<T>, "on" | "internal"> & {
  /** a device without it is refused */
  required?: boolean;
};

export interface DeviceConfig {
  type: string;
  /** what a device of the type is, a noun phrase */
  short: string;
  keys: readonly DeviceKey[];
  /** LXD's keys that are not obeyed yet; a trailing `*` stands for any ending */
  toCome: readonly string[];
  /** what no single key can tell: the problem, a sentence that follows the device's name, if there is one */
  problem?(device: Device): DeviceProblem | undefined;
}

/** Why a device is refused. `later` tells what is LXD's and still to come from what is wrong. */
export interface DeviceProblem {
  kind: "wrong" | "later";
  /** what was found, a clause: `the key "parent" is missing` */
  found: string;
}

/** Declares a key; only the type of its value is inferred. */
export function deviceKey<T>(row: DeviceKey<T>): DeviceKey<T> {
  return row;
}
