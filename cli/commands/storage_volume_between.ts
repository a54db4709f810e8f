// drey storage volume copy and drey storage volume move from one server to another.

import { migrate, migrationEnd, type MigrationMode } from "../../client/migration.ts";
import { type RunningOperation, runningOperation } from "../../client/operations.ts";
import type { Client } from "../../client/client.ts";
import type { Remote } from "../../client/remotes.ts";
import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Told } from "../../wire/storage_volume.ts";
import type { Shell } from "../shell.ts";
import type { NamedVolume } from "../volumes.ts";

/** A volume with the server it is on. */
export interface PlacedVolume extends NamedVolume {
  remote: Remote;
}

/** What goes where. */
export interface Between {
  from: PlacedVolume;
  to: PlacedVolume;
  /** of the transfer, if one was typed */
  mode: string | undefined;
}

/** Copies a volume or a snapshot of one to another server. */
export async function copyBetween(shell: Shell, { from, to, mode }: Between): Promise<void> {
  const { text, has } = shell.typed;
  const isCopy = shell.typed.command.path === "storage volume copy";
  const only = { volume_only: isCopy && has("volume-only") };
  const refresh = isCopy && has("refresh");
  const { snapshot, params } = from;
  if (refresh && snapshot !== undefined) {
    throw new DreyError("BAD_REQUEST", { message: "Cannot refresh a volume from a snapshot" });
  }
  const { content_type, description, config } = await described(from);
  const project = text("target-project");
  const query = project === undefined ? {} : { project };
  await migrate({
    ...mode !== undefined && { mode: mode as MigrationMode },
    source: {
      ...await migrationEnd(from.client, from.remote.address),
      send: async (target) => {
        const body = { migration: true, ...target && { target } };
        if (snapshot !== undefined) {
          const at = { ...params, snapshot };
          return await from.client.start("volume.snapshot.rename", {
            params: at,
            body: { ...body, name: snapshot },
          });
        }
        const sending = { ...body, ...only, name: from.volume, pool: from.pool };
        return begun(from.client, await from.client.call("volume.move", { params, body: sending }));
      },
    },
    target: {
      ...await migrationEnd(to.client, to.remote.address),
      receive: async (meeting) => {
        const source = { type: "migration", refresh, ...only, ...meeting };
        const body = { name: to.volume, type: "custom", content_type, description, config, source };
        const params = { pool: to.pool, type: "custom" };
        // at the address of all volumes LXD knows of no refresh
        const upload = { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
        return begun(to.client, await to.client.call("volumes.typed.create", { params, upload, query }));
      },
    },
    wait: (running) => shell.wait(running, to.volume),
  });
}

/** Settings as they are at the source: of the ids that files belong to, LXD wants to be told by them. */
async function described({ client, params, snapshot }: NamedVolume) {
  return snapshot === undefined
    ? await client.call("volume.get", { params })
    : await client.call("volume.snapshot.get", { params: { ...params, snapshot } });
}

function begun(client: Client, answer: Operation | Told): RunningOperation {
  if (answer !== null && "status_code" in answer) return runningOperation(client, answer);
  throw new DreyError("OPERATION_FAILED", { message: "The server began no operation for the volume" });
}

/** Moves a volume to another server: a copy, after which the source goes. */
export async function moveBetween(shell: Shell, { from, to, mode }: Between): Promise<void> {
  const { client, params, snapshot, remote } = from;
  if (snapshot !== undefined) {
    const named = `${remote.name}:${from.pool}/${from.volume}/${snapshot}`;
    throw new DreyError("BAD_REQUEST", {
      message: "A snapshot cannot be moved to another server",
      hint:
        `Copy it, and it becomes a volume: drey storage volume copy ${named} ${to.remote.name}:POOL/VOLUME`,
    });
  }
  const { used_by } = await client.call("volume.get", { params });
  if (used_by.length > 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot move storage volume "${from.volume}" to another server: it is in use`,
      hint: `It is used by: ${used_by.slice(0, 5).join(", ")}`,
    });
  }
  await copyBetween(shell, { from, to, mode });
  await client.call("volume.delete", { params });
}
