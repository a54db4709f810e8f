// Storage pools. So far there is one, `default`, which appears by itself and is a directory.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import type { StoragePool, StoragePoolResources } from "../wire/storage_pool.ts";
import type { Context } from "./context.ts";
import { listProfiles } from "./profiles.ts";

/** All storage pools. */
export async function listStoragePools(context: Context): Promise<StoragePool[]> {
  return [await defaultPool(context)];
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getStoragePool(context: Context, name: string): Promise<StoragePool> {
  mustExist(name);
  return await defaultPool(context);
}

/**
 * Space and inodes of the pool's file system.
 *
 * @throws {DreyError} `NOT_FOUND`
 */
export async function storagePoolResources(context: Context, name: string): Promise<StoragePoolResources> {
  mustExist(name);
  const { statfs } = await import("node:fs/promises");
  const { bsize, blocks, bfree, files, ffree } = await statfs(context.paths.state);
  return {
    space: { used: (blocks - bfree) * bsize, total: blocks * bsize },
    inodes: { used: files - ffree, total: files },
  };
}

async function defaultPool(context: Context): Promise<StoragePool> {
  return {
    name: "default",
    description: "",
    driver: "dir",
    status: "Created",
    config: { source: join(context.paths.state, "storage-pools", "default") },
    used_by: await usersOf(context, "default"),
    locations: ["none"],
  };
}

/** Instances and profiles with a disk in the pool. */
async function usersOf(context: Context, pool: string): Promise<string[]> {
  const profiles = (await listProfiles(context)).filter(({ devices }) =>
    Object.values(devices).some((device) => device["type"] === "disk" && device["pool"] === pool)
  );
  const address = (name: string) => `/1.0/profiles/${encodeURIComponent(name)}`;
  const instances = profiles.flatMap((profile) => profile.used_by);
  return [...new Set([...instances, ...profiles.map((profile) => address(profile.name))])].sort();
}

function mustExist(name: string): void {
  if (name === "default") return;
  throw new DreyError("NOT_FOUND", { message: `Storage pool "${name}" not found` });
}
