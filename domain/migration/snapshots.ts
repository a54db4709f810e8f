// Snapshots as they are announced to another server, and as they are kept of what another server announces. Pure.

import type { IndexInstance } from "../backups/index_file.ts";
import type { OfferedSnapshot } from "./messages.ts";

/** LXD's numbers of architectures. */
const architectures: readonly (readonly [name: string, number: number])[] = [
  ["i686", 1],
  ["x86_64", 2],
  ["armv7l", 3],
  ["aarch64", 4],
];

const secondsOf = (time: string | null | undefined): number => Math.floor(Date.parse(time ?? "") / 1000) || 0;
const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** A described snapshot as an offer has it; one of a custom volume has less to say. */
export function offeredSnapshot(snapshot: IndexInstance): OfferedSnapshot {
  const { name, config = {}, devices = {}, profiles = [], ephemeral = false, architecture } = snapshot;
  return {
    name,
    config,
    devices,
    profiles,
    ephemeral,
    architecture: architectures.find(([known]) => known === architecture)?.[1] ?? 0,
    createdAt: secondsOf(snapshot.created_at),
    usedAt: Math.max(0, secondsOf(snapshot.last_used_at)),
    expiresAt: secondsOf(snapshot.expires_at),
  };
}

/** An offered snapshot as a description has it. */
export function describedSnapshot(offered: OfferedSnapshot): IndexInstance {
  const { name, config, devices, profiles, ephemeral, createdAt, usedAt, expiresAt } = offered;
  return {
    name,
    config,
    devices,
    profiles,
    ephemeral,
    ...createdAt > 0 && { created_at: timeOf(createdAt) },
    ...expiresAt > 0 && { expires_at: timeOf(expiresAt) },
    ...usedAt > 0 && { last_used_at: timeOf(usedAt) },
  };
}

/** Whether an offered snapshot is one that is here already; LXD tells its times in seconds. */
export const isSame = (offered: OfferedSnapshot, here: { name: string; created_at: string }): boolean =>
  offered.name === here.name && offered.createdAt === secondsOf(here.created_at);
