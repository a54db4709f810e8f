// Limits of projects: how much there may be, and how much there is. What is limited together must be said of each
// instance, or the sum would mean nothing.

import { findRootDisk } from "../../config/device_keys.ts";
import { limitsCpu, limitsMemory, limitsProcesses } from "../../config/instance_keys.ts";
import { formatSize, parseSize } from "../../config/size.ts";
import * as keys from "../../config/project_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Config } from "../../wire/instance.ts";
import type { ProjectState } from "../../wire/project.ts";
import type { Context } from "../context.ts";
import { type Holdings, holdings, type Member } from "./members.ts";

/** One limit, and what counts towards it. */
interface Limit {
  /** as in the state of a project */
  name: string;
  key: string;
  limit: number | undefined;
  isSize?: boolean;
  usage(held: Holdings): number;
  /** what does not say how much it may use, though this limit is set */
  silent?(held: Holdings): string | undefined;
}

/**
 * Whether what is in a project keeps its limits.
 *
 * @throws {DreyError} `FORBIDDEN` if not
 */
export function mustFit(project: string, config: Config, held: Holdings): void {
  for (const row of limitsOf(config)) {
    if (row.limit === undefined) continue;
    const silent = row.silent?.(held);
    if (silent !== undefined) {
      throw new DreyError("FORBIDDEN", {
        message:
          `${silent} of project "${project}", which has ${row.key}, neither by itself nor by a profile`,
      });
    }
    const used = row.usage(held);
    if (used <= row.limit) continue;
    const show = (value: number) => row.isSize ? formatSize(value) : String(value);
    if (row.silent !== undefined) throw tooMuch(project, row.key, { used, limit: row.limit, show });
    throw new DreyError("FORBIDDEN", {
      message: `Reached maximum number of ${row.name} in project "${project}": ${row.key} is ${
        show(row.limit)
      }`,
    });
  }
}

/**
 * Whether an image fits beside the others of a project and what its instances and volumes may grow to. These need not
 * make room for images, as in LXD.
 *
 * @param images `bytes` of each image there would be
 * @throws {DreyError} `FORBIDDEN`
 */
export function mustFitImages(
  project: string,
  config: Config,
  { held, images }: { held: Holdings; images: readonly number[] },
): void {
  const { key, limit, usage } = disk("disk", readKey(config, keys.limitsDisk));
  const used = images.reduce((total, size) => total + size, usage(held));
  if (limit !== undefined && used > limit) throw tooMuch(project, key, { used, limit, show: formatSize });
}

function tooMuch(
  project: string,
  key: string,
  { used, limit, show }: { used: number; limit: number; show(value: number): string },
): DreyError {
  return new DreyError("FORBIDDEN", {
    message: `Reached maximum aggregate value for ${key} in project "${project}": ` +
      `${show(used)} together, ${show(limit)} at most`,
  });
}

/** What a project may use and does use, in LXD's names. */
export async function projectUsage(context: Context, project: string, config: Config): Promise<ProjectState> {
  const held = await holdings(context, project);
  return {
    resources: Object.fromEntries(
      limitsOf(config).map((row) => [row.name, { Limit: row.limit ?? -1, Usage: row.usage(held) }]),
    ),
  };
}

function limitsOf(config: Config): Limit[] {
  const count = (name: string, counts: (member: Member) => boolean): Limit => {
    const key = `limits.${name}`;
    const limit = Number(config[key] || NaN);
    return {
      name,
      key,
      limit: Number.isNaN(limit) ? undefined : limit,
      usage: ({ members }) => members.filter(counts).length,
    };
  };
  const prefix = keys.limitsDiskPool.name.slice(0, -1);
  const pools = Object.entries(config).filter(([key]) => key.startsWith(prefix)).map(([key, text]) => {
    const pool = key.slice(prefix.length);
    return disk(`disk.${pool}`, parseSize(text), { pool, key });
  });
  return [
    count("instances", () => true),
    count("containers", ({ type }) => type === "container"),
    count("virtual-machines", ({ type }) => type === "virtual-machine"),
    sum("cpu", readKey(config, keys.limitsCpu), { of: cpus }),
    { ...sum("memory", readKey(config, keys.limitsMemory), { of: memory }), isSize: true },
    sum("processes", readKey(config, keys.limitsProcesses), {
      of: (member) => readKey(member.config, limitsProcesses),
      // a machine counts its processes itself
      counts: ({ type }) => type === "container",
    }),
    disk("disk", readKey(config, keys.limitsDisk)),
    ...pools,
    {
      name: "networks",
      key: "limits.networks",
      limit: readKey(config, keys.limitsNetworks),
      usage: ({ networks }) => networks,
    },
  ];
}

/** A limit of something that each instance says for itself. */
function sum(
  name: string,
  limit: number | undefined,
  { of, counts = () => true }: {
    of(member: Member): number | undefined;
    counts?(member: Member): boolean;
  },
): Limit {
  return {
    name,
    key: `limits.${name}`,
    limit,
    usage: ({ members }) => members.filter(counts).reduce((total, member) => total + (of(member) ?? 0), 0),
    silent({ members }) {
      const silent = members.find((member) => counts(member) && of(member) === undefined);
      return silent && `Instance "${silent.name}" has no limits.${name} that could be added to the others`;
    },
  };
}

/** Only a number adds up: which processors an instance has says nothing of how many others have them too. */
function cpus({ config }: Member): number | undefined {
  const wish = readKey(config, limitsCpu);
  return wish?.kind === "count" ? wish.count : undefined;
}

function memory({ config }: Member): number | undefined {
  const wish = readKey(config, limitsMemory);
  return wish?.kind === "bytes" ? wish.bytes : undefined;
}

/** Root disks and volumes, of one pool or of all. */
function disk(
  name: string,
  limit: number | undefined,
  { pool, key = `limits.${name}` }: { pool?: string; key?: string } = {},
): Limit {
  const root = ({ devices }: Member) => findRootDisk(devices)?.device;
  const isIn = (where: string | undefined) => pool === undefined || where === pool;
  const size = (text: string | undefined) => parseSize(text ?? "");
  return {
    name,
    key,
    limit,
    isSize: true,
    usage: ({ members, volumes }) =>
      [
        ...members.map(root).filter((device) => isIn(device?.["pool"])).map((device) => device?.["size"]),
        ...volumes.filter((volume) => isIn(volume.pool)).map(({ config }) => config["size"]),
      ].reduce((total, text) => total + (size(text) ?? 0), 0),
    silent({ members, volumes }) {
      const member = members.find((one) =>
        isIn(root(one)?.["pool"]) && size(root(one)?.["size"]) === undefined
      );
      if (member !== undefined) return `The root disk of instance "${member.name}" has no size`;
      const volume = volumes.find((one) => isIn(one.pool) && size(one.config["size"]) === undefined);
      return volume && `Volume "${volume.name}" has no size`;
    },
  };
}
