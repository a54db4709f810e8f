// Things with configuration and devices: instances and profiles.

import { DreyError } from "../errors.ts";
import type { Client } from "../client/client.ts";
import {
  type Config,
  type Device,
  type Devices,
  type Instance,
  type InstancePut,
  instancePut,
} from "../wire/instance.ts";
import { type Profile, profilePut } from "../wire/profile.ts";
import { resolveName } from "./resolve.ts";
import { type Owner, ownerOf } from "./settings.ts";
import type { Shell } from "./shell.ts";

/** What can be changed; the rest of an instance's or a profile's fields travel along. */
export interface Writable {
  config: Config;
  devices: Devices;
  description: string;
  [property: string]: unknown;
}

export type Configured = Owner<Writable>;

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
    schema: instancePut,
    async read() {
      const { value, etag } = await client.read("instance.get", { params });
      return { whole: value, value: instanceWritable(value), etag };
    },
    async write(value, etag) {
      const body = value as InstancePut;
      await shell.wait(await client.start("instance.update", { params, body, etag }), name);
    },
  };
}

function configuredProfile(client: Client, name: string): Configured {
  const params = { name };
  return ownerOf({ title: `profile "${name}"`, schema: profilePut }, {
    get: () => client.read("profile.get", { params }),
    writable: profileWritable,
    put: (body, etag) => client.call("profile.update", { params, body, etag }),
  });
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

/** A device of an owner. @throws {DreyError} `NOT_FOUND` */
export function deviceOf(owner: Configured, { devices }: Writable, name: string): Device {
  const device = Object.hasOwn(devices, name) ? devices[name] : undefined;
  if (device !== undefined) return device;
  throw new DreyError("NOT_FOUND", { message: `The ${owner.title} has no device "${name}" of its own` });
}
