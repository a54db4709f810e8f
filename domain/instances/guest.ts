// What an instance may know of itself and say of itself, by /dev/lxd/sock.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Guest, GuestEvent, GuestEventType, GuestState } from "../../wire/devlxd.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { listenEvents } from "../events.ts";
import { getImage } from "../images.ts";
import { expand } from "./expand.ts";
import {
  instanceAddress,
  instanceIdKey,
  type InstanceRecord,
  loadRecord,
  lockInstance,
  readyKey,
} from "./record.ts";
import { editRecord, instanceEvent } from "./changes.ts";

/** The instance as it sees itself. */
export async function getGuest(context: Context, ref: Ref): Promise<Guest> {
  const { value: { type, config } } = await loadRecord(context, ref);
  return {
    api_version: "1.0",
    auth: "untrusted",
    instance_type: type,
    location: "none",
    state: config[readyKey] === "true" ? "Ready" : "Started",
  };
}

/** Takes note of the instance's being ready, or not ready any more. */
export async function setGuestState(context: Context, ref: Ref, state: GuestState): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  const isReady = state === "Ready";
  const noted = ({ config, ...record }: InstanceRecord) => ({
    ...record,
    config: { ...config, [readyKey]: String(isReady) },
  });
  await editRecord(context, ref, noted, isReady ? [instanceEvent(context, ref, "instance-ready")] : []);
}

const isReadable = (key: string) => key.startsWith("user.") || key.startsWith("cloud-init.");

/** The configuration keys the instance may read, with their values. */
export async function guestConfig(context: Context, ref: Ref): Promise<Config> {
  return (await view(context, ref)).config;
}

/** The devices of the instance; NICs show the address they were given. */
export async function guestDevices(context: Context, ref: Ref): Promise<Devices> {
  return (await view(context, ref)).devices;
}

/** What cloud-init reads first: an id that changes with every new instance, and a name. */
export async function guestMetadata(context: Context, ref: Ref): Promise<string> {
  const { value } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, value);
  const id = config[instanceIdKey] ?? ref.name;
  return `#cloud-config\ninstance-id: ${id}\nlocal-hostname: ${ref.name}\n${config["user.meta-data"] ?? ""}`;
}

interface View {
  config: Config;
  devices: Devices;
}

async function view(context: Context, ref: Ref): Promise<View> {
  const { value } = await loadRecord(context, ref);
  const { config, devices } = await expand(context, ref.project, value);
  const readable = Object.entries(config).filter(([key, value]) => isReadable(key) && value !== "");
  const addressed = Object.entries(devices).map(([name, device]) => {
    const hwaddr = device["type"] === "nic" ? config[`volatile.${name}.hwaddr`] : undefined;
    return [name, hwaddr === undefined ? device : { hwaddr, ...device }];
  });
  return { config: Object.fromEntries(readable), devices: Object.fromEntries(addressed) };
}

/** Changes of what the instance may know, from now on until `signal` ends it; its profiles' changes are its own. */
export async function listenGuest(
  context: Context,
  ref: Ref,
  { types, signal }: { types: readonly GuestEventType[]; signal: AbortSignal },
): Promise<AsyncIterable<GuestEvent>> {
  // before the first look: what changes meanwhile is then seen as a change
  const all = { types: ["lifecycle"], project: ref.project, allProjects: true } as const;
  const happened = listenEvents(context, all, signal);
  let known = await view(context, ref);
  const source = instanceAddress(ref.name);
  return (async function* () {
    for await (const { type, timestamp, metadata } of happened) {
      if (type !== "lifecycle") continue;
      const isOurs = metadata.action === "instance-updated" && metadata.source.split("?")[0] === source;
      if (!isOurs && metadata.action !== "profile-updated") continue;
      const now = await view(context, ref);
      const changes = changesOf(known, now).filter((change) => types.includes(change.type));
      known = now;
      for (const change of changes) yield { ...change, timestamp };
    }
  })();
}

type Untimed<E> = E extends unknown ? Omit<E, "timestamp"> : never;

/** How one view became another, as events tell it. */
export function changesOf(before: View, after: View): Untimed<GuestEvent>[] {
  const names = (one: object, two: object) => [...new Set([...Object.keys(one), ...Object.keys(two)])].sort();
  const keys = names(before.config, after.config).flatMap((key): Untimed<GuestEvent>[] => {
    const [old_value = "", value = ""] = [before.config[key], after.config[key]];
    return old_value === value ? [] : [{ type: "config", metadata: { key, old_value, value } }];
  });
  const devices = names(before.devices, after.devices).flatMap((name): Untimed<GuestEvent>[] => {
    const [old, config] = [before.devices[name], after.devices[name]];
    if (config === undefined) {
      return [{ type: "device", metadata: { action: "removed", name, config: old ?? {} } }];
    }
    if (old === undefined) return [{ type: "device", metadata: { action: "added", name, config } }];
    return isSame(old, config) ? [] : [{ type: "device", metadata: { action: "updated", name, config } }];
  });
  return [...keys, ...devices];
}

function isSame(one: Record<string, string>, two: Record<string, string>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(two).length && keys.every((key) => one[key] === two[key]);
}

/**
 * Whether the instance may fetch an image: one that is public, or only here because somebody used it.
 *
 * @throws {DreyError} `FORBIDDEN`; `NOT_FOUND`, also for an image it may not know of
 */
export async function mustServeImage(context: Context, ref: Ref, fingerprint: string): Promise<void> {
  const { value } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, value);
  if (!readKey(config, keys.securityDevlxdImages)) {
    throw new DreyError("FORBIDDEN", { message: "The instance may not fetch images" });
  }
  // the whole of it: a prefix would be a way to guess
  const image = /^[0-9a-f]{64}$/.test(fingerprint)
    ? await getImage(context, ref.project, fingerprint).catch(ifUnknown)
    : undefined;
  if (image?.public || image?.cached) return;
  throw new DreyError("NOT_FOUND", { message: "Image not found" });
}

function ifUnknown(error: unknown): undefined {
  if (!(error instanceof DreyError) || error.code !== "NOT_FOUND") throw error;
}
