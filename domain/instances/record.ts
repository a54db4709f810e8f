// What drey remembers of an instance, and where its things lie. Whether it runs is not remembered: the kernel
// knows (runtime/supervisor.ts).

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Entry, Key } from "../../store/store.ts";
import type { Config, Devices, InstanceType } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";

export interface InstanceRecord {
  description: string;
  type: InstanceType;
  architecture: string;
  created_at: string;
  last_used_at: string;
  ephemeral: boolean;
  stateful: boolean;
  profiles: string[];
  /** includes drey's own `volatile.*` keys, as LXD's does */
  config: Config;
  devices: Devices;
  /** storage pool of the root volume */
  pool: string;
  /** what people have noted on the root volume */
  volume?: { description: string; config: Config };
}

/** where the record says that the instance has called itself ready; counts while it runs */
export const readyKey = "volatile.last_state.ready";
/** by what cloud-init knows an instance; with another one it sets everything up anew */
export const instanceIdKey = "volatile.cloud-init.instance-id";
export const newInstanceId = (): Config => ({ [instanceIdKey]: crypto.randomUUID() });
/**
 * MAC addresses of NICs, the one thing of `volatile.*` that is a user's to choose; an empty one is chosen anew.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function nicAddresses(config: Config): Config {
  const given = Object.entries(config).filter(([key]) => /^volatile\..+(?<!\.last_state)\.hwaddr$/.test(key));
  const wrong = given.find(([, value]) =>
    value !== "" && !/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(value)
  );
  if (wrong !== undefined) {
    throw new DreyError("BAD_REQUEST", { message: `Invalid MAC address "${wrong[1]}" of "${wrong[0]}"` });
  }
  return Object.fromEntries(given);
}
/**
 * Holds names of `volatile.*` that a client gives to those there are; what they say is drey's to say.
 *
 * @param before what the instance has, which is shown to clients and comes back
 * @throws {DreyError} `BAD_REQUEST`
 */
export async function checkVolatile(config: Config, before: Config = {}): Promise<void> {
  const given = Object.entries(config)
    .filter(([name, value]) => name.startsWith("volatile.") && value !== "" && !(name in before));
  if (given.length === 0) return;
  const { isVolatileKey } = await import("../../config/volatile_keys.ts");
  const wrong = given.find(([name]) => !isVolatileKey(name));
  if (wrong === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Unknown configuration key: ${wrong[0]}`,
    hint: "Keys of your own begin with user.",
  });
}
/** Holds what settings give cloud-init to what it reads; most give it nothing, and load nothing for it. */
export async function checkCloudInit(config: Config, before: Config = {}): Promise<void> {
  if (!Object.keys(config).some((key) => key.startsWith("cloud-init."))) return;
  await (await import("./cloud_init_data.ts")).checkCloudInitData(config, before);
}
export const instanceKey = (ref: Ref): Key => ["instances", ref.project, ref.name];
export const instanceAddress = (name: string) => `/1.0/instances/${name}`;

/**
 * The record of an instance.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function loadRecord(context: Context, ref: Ref): Promise<Entry<InstanceRecord>> {
  const entry = await context.store.get<InstanceRecord>(instanceKey(ref));
  if (entry === undefined) throw new DreyError("NOT_FOUND", { message: `Instance "${ref.name}" not found` });
  return entry;
}

/** Takes the lock of an instance: whoever changes it, or starts or stops it, holds it meanwhile. */
export async function lockInstance(
  context: Context,
  ref: Ref,
  signal?: AbortSignal,
): Promise<AsyncDisposable> {
  return await context.store.lock(instanceKey(ref), signal === undefined ? {} : { signal });
}

/** Takes the locks of two instances in the order of their keys, so that two who cross cannot wait for each other. */
export async function lockBoth(context: Context, one: Ref, other: Ref): Promise<AsyncDisposable> {
  await using locks = new AsyncDisposableStack();
  for (const ref of inOrder(one, other)) locks.use(await lockInstance(context, ref));
  return locks.move();
}

/** Two instances in the order in which their locks are taken; one if they are the same. */
export function inOrder(one: Ref, other: Ref): Ref[] {
  const [a, b] = [one, other].map((ref) => instanceKey(ref).join("/")) as [string, string];
  return a === b ? [one] : a < b ? [one, other] : [other, one];
}

/** LXD's directory name: the project comes first unless it is the default one. */
export function directoryName({ project, name }: Ref): string {
  return project === "default" ? name : `${project}_${name}`;
}

export interface InstancePaths {
  /** supervisor's files; exists while the instance runs */
  run: string;
  /** socket at which the keeper of a virtual machine listens */
  door: string;
  logs: string;
  consoleLog: string;
  /** who is in the instance's files for longer; absent most of the time */
  fileSessions: string;
}

/** Where the files of an instance are, whether it runs or not. */
export function instancePaths(context: Pick<Context, "paths">, ref: Ref): InstancePaths {
  const name = directoryName(ref);
  const logs = join(context.paths.state, "logs", name);
  const run = join(runDirectories(context), name);
  return {
    run,
    door: join(run, "door"),
    logs,
    consoleLog: join(logs, "console.log"),
    fileSessions: join(context.paths.run, "files", name),
  };
}

export const runDirectories = (context: Pick<Context, "paths">) => join(context.paths.run, "instances");

/** The instance a directory name stands for. */
export function refOf(directory: string): Ref {
  // names of projects may hold underscores, those of instances may not
  const cut = directory.lastIndexOf("_");
  if (cut < 0) return { project: "default", name: directory };
  return { project: directory.slice(0, cut), name: directory.slice(cut + 1) };
}
