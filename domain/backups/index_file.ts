// backup/index.yaml, LXD's description of what a backup holds, and the same without its head as backup.yaml beside the
// files of each instance.

import { DreyError } from "../../errors.ts";
import type { Config, Devices, InstanceType } from "../../wire/instance.ts";

/** An instance or a snapshot as LXD writes it there. */
export interface IndexInstance {
  name: string;
  /** what it is; a virtual machine here shares a root, so its files are kept like a container's */
  type?: InstanceType;
  description?: string;
  architecture?: string;
  config?: Config;
  devices?: Devices;
  ephemeral?: boolean;
  profiles?: string[];
  created_at?: string;
  expires_at?: string | null;
  last_used_at?: string;
}

export interface IndexVolume {
  name: string;
  description?: string;
  type?: string;
  content_type?: string;
  config?: Config;
  created_at?: string;
  expires_at?: string | null;
  project?: string;
}

export interface IndexPool {
  name?: string;
  driver?: string;
  description?: string;
  config?: Config;
}

export interface BackupConfig {
  container?: IndexInstance;
  snapshots?: IndexInstance[];
  pool?: IndexPool;
  volume?: IndexVolume;
  volume_snapshots?: IndexVolume[];
}

/** What people have noted on the root volume of a described instance; LXD keeps more there, which is its own. */
export function notedOn({ volume }: Pick<BackupConfig, "volume">): { description: string; config: Config } {
  const own = Object.entries(volume?.config ?? {}).filter(([key]) => key.startsWith("user."));
  return { description: volume?.description ?? "", config: Object.fromEntries(own) };
}

export interface BackupIndex {
  name: string;
  backend: string;
  pool: string;
  snapshots: string[];
  optimized: boolean;
  optimized_header: boolean;
  /** `container`, `virtual-machine` or `custom` */
  type: string;
  config: BackupConfig;
}

/** How the file of a volume that is a disk or a disc ends in a backup. */
export const diskExtension = (content: "block" | "iso"): string => content === "iso" ? "iso" : "img";

type Json = null | boolean | number | string | Date | Json[] | { [name: string]: Json };

/**
 * Reads the index of a backup, older and newer ones of LXD's too.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export async function parseIndex(text: string): Promise<BackupIndex> {
  const index = asObject(await parseYaml(text), "index.yaml");
  return {
    name: asText(index["name"], "name"),
    backend: asText(index["backend"] ?? "", "backend"),
    pool: asText(index["pool"] ?? "", "pool"),
    snapshots: asList(index["snapshots"]).map((name) => asText(name, "snapshots")),
    optimized: index["optimized"] === true,
    optimized_header: index["optimized_header"] === true,
    type: asText(index["type"] ?? "container", "type") || "container",
    config: readConfig(asObject(index["config"] ?? {}, "config")),
  };
}

/** Reads a backup.yaml that lies beside the files of an instance. @throws {DreyError} `IMAGE_INVALID` */
export async function parseConfig(text: string): Promise<BackupConfig> {
  return readConfig(asObject(await parseYaml(text), "backup.yaml"));
}

function readConfig(config: Record<string, Json>): BackupConfig {
  // newer LXDs call an instance so, and have a list of volumes
  const instance = config["container"] ?? config["instance"];
  const volume = config["volume"] ?? asList(config["volumes"])[0];
  const pool = config["pool"];
  return {
    ...(instance === undefined || instance === null ? {} : { container: readInstance(instance) }),
    snapshots: asList(config["snapshots"]).map(readInstance),
    ...(volume === undefined || volume === null ? {} : { volume: readVolume(volume) }),
    volume_snapshots: asList(config["volume_snapshots"]).map(readVolume),
    ...(pool === undefined || pool === null ? {} : { pool: readPool(pool) }),
  };
}

/** Where the subvolumes of a backup lie in its volume, by its optimized_header.yaml. @throws {DreyError} `IMAGE_INVALID` */
export async function parseSubvolumes(text: string): Promise<string[]> {
  const header = asObject(await parseYaml(text), "optimized_header.yaml");
  return asList(header["subvolumes"]).map((one) => asText(asObject(one, "subvolumes")["path"], "subvolumes"));
}

function readPool(value: unknown): IndexPool {
  const fields = asObject(value, "pool");
  return {
    name: asText(fields["name"] ?? "", "pool"),
    driver: asText(fields["driver"] ?? "", "pool"),
    description: asText(fields["description"] ?? "", "pool"),
    config: asTexts(fields["config"], "pool"),
  };
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import("@std/yaml");
  try {
    return parse(text);
  } catch (cause) {
    throw invalid("its description is not YAML", cause);
  }
}

function readInstance(value: unknown): IndexInstance {
  const fields = asObject(value, "instance");
  const devices = asObject(fields["devices"] ?? {}, "devices");
  return {
    // snapshots of older servers carry the instance's name in front
    name: asText(fields["name"], "name").split("/").at(-1) ?? "",
    type: fields["type"] === "virtual-machine" ? "virtual-machine" : "container",
    description: asText(fields["description"] ?? "", "description"),
    architecture: asText(fields["architecture"] ?? "", "architecture"),
    config: asTexts(fields["config"], "config"),
    devices: Object.fromEntries(
      Object.entries(devices).map(([name, device]) => [name, asTexts(device, name)]),
    ),
    ephemeral: fields["ephemeral"] === true,
    profiles: asList(fields["profiles"]).map((name) => asText(name, "profiles")),
    ...times(fields),
  };
}

/** A described volume or a snapshot of one. @throws {DreyError} `IMAGE_INVALID` */
export function readVolume(value: unknown): IndexVolume {
  const fields = asObject(value, "volume");
  return {
    name: asText(fields["name"], "name").split("/").at(-1) ?? "",
    description: asText(fields["description"] ?? "", "description"),
    type: asText(fields["type"] ?? "", "type"),
    content_type: asText(fields["content_type"] ?? "", "content_type"),
    config: asTexts(fields["config"], "config"),
    ...(typeof fields["project"] === "string" ? { project: fields["project"] } : {}),
    ...times(fields),
  };
}

function times(fields: Record<string, Json>) {
  const read = (name: string) => {
    const value = fields[name];
    const date = value instanceof Date ? value : new Date(typeof value === "string" ? value : NaN);
    // LXD's "never" is the year 1
    return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1970 ? undefined : date.toISOString();
  };
  const [created, expires, used] = [read("created_at"), read("expires_at"), read("last_used_at")];
  return {
    ...(created === undefined ? {} : { created_at: created }),
    ...(expires === undefined ? {} : { expires_at: expires }),
    ...(used === undefined ? {} : { last_used_at: used }),
  };
}

function asObject(value: unknown, where: string): Record<string, Json> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Date) {
    throw invalid(`"${where}" in its description is no mapping`);
  }
  // parsed YAML holds nothing else
  return value as Record<string, Json>;
}

const asList = (value: unknown): Json[] => Array.isArray(value) ? value : [];

function asText(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw invalid(`"${where}" in its description is no text`);
}

function asTexts(value: unknown, where: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(asObject(value, where));
  return Object.fromEntries(
    entries.map(([name, text]) => {
      if (text instanceof Date) return [name, text.toISOString()];
      // a few lines of YAML can stand for lists that fill the memory when they are written out
      if (typeof text === "object" && text !== null) throw invalid(`"${name}" in its description is no text`);
      return [name, String(text)];
    }),
  );
}

export const invalid = (found: string, cause?: unknown): DreyError =>
  new DreyError("IMAGE_INVALID", { message: `Cannot use the backup: ${found}`, cause });
