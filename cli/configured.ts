// Things with configuration and devices, instances and profiles, read and written in one way: what was read
// is changed and sent back with its ETag, so that nobody else's change is lost.

import { DreyError } from "../errors.ts";
import type { Client } from "../client/client.ts";
import type { Config, Device, Devices, Instance, InstancePut } from "../wire/instance.ts";
import type { Profile } from "../wire/profile.ts";
import { resolveName } from "./resolve.ts";
import type { Shell } from "./shell.ts";

/** What can be changed; the rest of an instance's or a profile's fields travel along. */
export interface Writable {
  config: Config;
  devices: Devices;
  description: string;
  [property: string]: unknown;
}

export interface Configured {
  /** how errors name it, `instance "web"` */
  title: string;
  read(): Promise<{ value: Writable; etag: string }>;
  write(value: Writable, etag: string): Promise<void>;
}

export type ConfiguredKind = "instance" | "profile";

/** The instance or profile that was typed. */
export async function configured(shell: Shell, kind: ConfiguredKind, text: string): Promise<Configured> {
  const { remote, name } = resolveName(text, kind);
  const client = await shell.connect(remote);
  return kind === "instance" ? configuredInstance(shell, client, name) : configuredProfile(client, name);
}

function configuredInstance(shell: Shell, client: Client, name: string): Configured {
  const params = { name };
  return {
    title: `instance "${name}"`,
    async read() {
      const { value, etag } = await client.read("instance.get", { params });
      return { value: instanceWritable(value), etag };
    },
    async write(value, etag) {
      const body = value as InstancePut;
      await shell.wait(await client.start("instance.update", { params, body, etag }), name);
    },
  };
}

function configuredProfile(client: Client, name: string): Configured {
  const params = { name };
  return {
    title: `profile "${name}"`,
    async read() {
      const { value, etag } = await client.read("profile.get", { params });
      return { value: profileWritable(value), etag };
    },
    async write(body, etag) {
      await client.call("profile.update", { params, body, etag });
    },
  };
}

/** The part of an instance that PUT takes. */
export function instanceWritable(instance: Instance): Writable & InstancePut {
  const { architecture, config, devices, ephemeral, profiles, stateful, description } = instance;
  return { architecture, config, devices, ephemeral, profiles, stateful, description };
}

/** The part of a profile that PUT takes. */
export function profileWritable({ config, description, devices }: Profile): Writable {
  return { config, description, devices };
}

/** Reads, changes in place, writes. */
export async function change(owner: Configured, edit: (value: Writable) => void): Promise<void> {
  const { value, etag } = await owner.read();
  edit(value);
  await owner.write(value, etag);
}

/** A device of an owner. @throws {DreyError} `NOT_FOUND` */
export function deviceOf(owner: Configured, { devices }: Writable, name: string): Device {
  const device = devices[name];
  if (device !== undefined) return device;
  throw new DreyError("NOT_FOUND", { message: `The ${owner.title} has no device "${name}" of its own` });
}

/**
 * Puts a typed text where a property is, as its type.
 *
 * @throws {DreyError} `BAD_REQUEST` for a property that does not exist or is no text, number or boolean
 */
export function setProperty(value: Writable, name: string, text: string): void {
  const old = value[name];
  if (typeof old === "string") value[name] = text;
  else if (typeof old === "boolean" && /^(true|false)$/.test(text)) value[name] = text === "true";
  else throw noProperty(value, name);
}

/** A property as text. @throws {DreyError} `BAD_REQUEST` */
export function getProperty(value: Record<string, unknown>, name: string): string {
  const found = value[name];
  if (["string", "number", "boolean"].includes(typeof found)) return String(found);
  throw noProperty(value, name);
}

function noProperty(value: Record<string, unknown>, name: string): DreyError {
  const simple = Object.entries(value).filter(([, item]) => typeof item !== "object").map(([key]) => key);
  return new DreyError("BAD_REQUEST", {
    message: `There is no property "${name}" to read or set so; there are ${simple.join(", ")}`,
  });
}
