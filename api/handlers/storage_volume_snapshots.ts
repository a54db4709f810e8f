// Snapshots of custom storage volumes.

import { customRef } from "../../domain/storage_volumes.ts";
import * as snapshots from "../../domain/storage_volumes/snapshots.ts";
import { snapshotAddress } from "../../domain/storage_volumes/record.ts";
import type { Context } from "../../domain/context.ts";
import type { Handlers } from "../call.ts";

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

export const handlers: Handlers<Names> = {
  "volume.snapshots.list": async (call) => {
    const ref = await refOf(call);
    const found = await snapshots.listVolumeSnapshots(call.context, ref);
    return call.recursion > 0 ? found : found.map(({ name }) => snapshotAddress(ref, name));
  },
  "volume.snapshots.create": async (call) =>
    await snapshots.createVolumeSnapshot(call.context, await refOf(call), call.body),
  "volume.snapshot.get": async (call) =>
    await snapshots.getVolumeSnapshot(call.context, await refOf(call), call.params.snapshot),
  "volume.snapshot.update": async (call) => {
    const { params: { snapshot }, body: put } = call;
    await snapshots.updateVolumeSnapshot(call.context, await refOf(call), { snapshot, put, isPatch: false });
    return null;
  },
  "volume.snapshot.patch": async (call) => {
    const { params: { snapshot }, body: put } = call;
    await snapshots.updateVolumeSnapshot(call.context, await refOf(call), { snapshot, put, isPatch: true });
    return null;
  },
  "volume.snapshot.rename": async (call) => {
    const { params: { snapshot }, body: { name } } = call;
    return await snapshots.renameVolumeSnapshot(call.context, await refOf(call), { snapshot, name });
  },
  "volume.snapshot.delete": async (call) =>
    await snapshots.deleteVolumeSnapshot(call.context, await refOf(call), call.params.snapshot),
};
