// Sizes of the driver `dir`, for root on a file system that is mounted with project quotas: each volume is a project of
// its own. The layers that an instance at rest leaves to its snapshots stay charged to it.

import { DreyError } from "../errors.ts";
import { chargeTo, enforcesProjects, limitProject } from "../sys/project_quota.ts";
import type { PoolHost } from "./driver.ts";
import type { Manifest } from "./manifest.ts";

/** Whether a pool can hold its volumes to sizes. */
const holdsSizes = (pool: string): boolean => Deno.uid() === 0 && enforcesProjects(pool);

/** A number that nobody had before; what is charged to it may outlive its volume. */
const newProject = (): number => 0x40000000 + crypto.getRandomValues(new Uint32Array(1))[0]! % 0x40000000;

/** Charges what will be in a new directory of a volume to a project, and says in the manifest to which. */
export function charged({ directory: pool }: PoolHost, directory: string, manifest: Manifest): Manifest {
  const rest = uncharged(manifest);
  if (!holdsSizes(pool)) return rest;
  const project = newProject();
  chargeTo(directory, project);
  return { ...rest, project };
}

/** A manifest that says nothing of a project, such as that of a snapshot. */
export function uncharged({ project: _, ...rest }: Manifest): Manifest {
  return rest;
}

/** Forgets the limit of a volume that is gone. */
export function forgetSize({ directory: pool }: PoolHost, manifest: Manifest | undefined): void {
  if (manifest?.project !== undefined && holdsSizes(pool)) limitProject(pool, manifest.project, undefined);
}

/** Holds a volume to a size, or to none. @throws {DreyError} `NOT_SUPPORTED` where nothing can enforce it */
export function limit({ directory: pool }: PoolHost, { project }: Manifest, size: number | undefined): void {
  if (project !== undefined && holdsSizes(pool)) return limitProject(pool, project, size);
  if (size === undefined) return;
  mustHoldSizes(pool);
  throw new DreyError("NOT_SUPPORTED", {
    message: "Cannot hold the volume to a size: it is older than the project quotas of its file system",
    hint: "Copy it: the copy can be held to one",
  });
}

/** @throws {DreyError} `NOT_SUPPORTED` if a pool cannot hold volumes to a size */
export function mustHoldSizes(pool: string): void {
  if (holdsSizes(pool)) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: "Storage pools of driver dir cannot hold a volume to a size here",
    hint: Deno.uid() === 0
      ? "Mount the pool's ext4 or XFS with the option prjquota, use a pool of driver btrfs or lvm, or leave the size out"
      : "Only root can, on ext4 or XFS with project quotas: leave the size out",
  });
}
