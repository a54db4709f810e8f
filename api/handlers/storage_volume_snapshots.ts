// Snapshots of custom storage volumes; those of root volumes are shown here and changed with their instance.

import { customRef, volumeType } from "../../domain/storage_volumes.ts";
import * as snapshots from "../../domain/storage_volumes/snapshots.ts";
import { volumeAddress } from "../../domain/storage_volumes/record.ts";
import { getRootSnapshot, listRootSnapshots } from "../../domain/storage_volumes/roots.ts";
import type { Context } from "../../domain/context.ts";
import type { Call, Handlers } from "../call.ts";

type Names =
  | "volume.snapshots.list"
  | "volume.snapshots.create"
  | "volume.snapshot.get"
  | "volume.snapshot.update"
  | "volume.snapshot.patch"
  | "volume.snapshot.rename"
  | "volume.snapshot.delete";

interface Asked {
  context: Context;
  project: string;
  params: { pool: string; type: string; volume: string };
}

const refOf = ({ context, project, params: { pool, type, volume } }: Asked) =>
  customRef(context, project, { pool, type, name: volume });

/** The root volume that is meant, if it is one. */
function rootOf({ project, params: { pool, type, volume } }: Asked) {
  return volumeType(type) === "custom" ? undefined : { project, pool, type, name: volume };
}

async function list(call: Asked & { recursion: number }) {
  const { context, recursion, params } = call;
  const root = rootOf(call);
  const found = root === undefined
    ? await snapshots.listVolumeSnapshots(context, await refOf(call))
    : await listRootSnapshots(context, root);
  const address = volumeAddress(
    { project: call.project, pool: params.pool, name: params.volume },
    params.type,
  );
  // as LXD names them in a list, and there alone
  if (recursion > 0) return found.map((one) => ({ ...one, name: `${params.volume}/${one.name}` }));
  return found.map(({ name }) => `${address}/snapshots/${encodeURIComponent(name)}`);
}

async function update(call: Call<"volume.snapshot.update">, isPatch: boolean): Promise<void> {
  const { context, params: { snapshot }, body: put } = call;
  const root = rootOf(call);
  if (root === undefined) {
    await snapshots.updateVolumeSnapshot(context, await refOf(call), { snapshot, put, isPatch });
  } else {
    const { updateRootSnapshot } = await import("../../domain/storage_volumes/root_notes.ts");
    const description = put.description ?? (isPatch ? undefined : "");
    await updateRootSnapshot(context, { name: root, snapshot, put: { ...put, description } });
  }
}

export const handlers: Handlers<Names> = {
  "volume.snapshots.list": list,
  "volume.snapshots.create": async (call) =>
    await snapshots.createVolumeSnapshot(call.context, await refOf(call), call.body),
  "volume.snapshot.get": async (call) => {
    const root = rootOf(call);
    if (root !== undefined) return await getRootSnapshot(call.context, root, call.params.snapshot);
    return await snapshots.getVolumeSnapshot(call.context, await refOf(call), call.params.snapshot);
  },
  "volume.snapshot.update": async (call) => await update(call, false),
  "volume.snapshot.patch": async (call) => await update(call, true),
  "volume.snapshot.rename": async (call) => {
    const { params: { snapshot }, body: post } = call;
    return await snapshots.renameVolumeSnapshot(call.context, await refOf(call), { snapshot, post });
  },
  "volume.snapshot.delete": async (call) =>
    await snapshots.deleteVolumeSnapshot(call.context, await refOf(call), call.params.snapshot),
};
