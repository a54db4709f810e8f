// Snapshots of instances.

import { inProject } from "../../wire/address.ts";
import { type Handlers, refOf } from "../call.ts";
import { listed } from "../lists.ts";

type Names =
  | "snapshots.list"
  | "snapshots.create"
  | "snapshot.get"
  | "snapshot.update"
  | "snapshot.patch"
  | "snapshot.rename"
  | "snapshot.delete";

const list = () => import("../../domain/instances/snapshots/list.ts");
const change = () => import("../../domain/instances/snapshots/change.ts");

export const handlers: Handlers<Names> = {
  "snapshots.list": async (call) =>
    listed(await (await list()).listSnapshots(call.context, refOf(call)), {
      recursion: call.recursion,
      filter: call.query("filter"),
      address: ({ name }) =>
        inProject(`/1.0/instances/${call.params.name}/snapshots/${encodeURIComponent(name)}`, call.project),
    }),
  "snapshots.create": async (call) => {
    const { createSnapshot } = await import("../../domain/instances/snapshots/create.ts");
    return await createSnapshot(call.context, refOf(call), call.body);
  },
  "snapshot.get": async (call) =>
    await (await list()).getSnapshot(call.context, refOf(call), call.params.snapshot),
  "snapshot.update": async (call) => {
    const { snapshot } = call.params;
    const { updateSnapshot } = await change();
    return await updateSnapshot(call.context, refOf(call), { snapshot, put: call.body, merge: false });
  },
  "snapshot.patch": async (call) => {
    const { snapshot } = call.params;
    const { updateSnapshot } = await change();
    return await updateSnapshot(call.context, refOf(call), { snapshot, put: call.body, merge: true });
  },
  "snapshot.rename": async (call) => {
    const { snapshot } = call.params;
    return await (await change()).renameSnapshot(call.context, refOf(call), { snapshot, post: call.body });
  },
  "snapshot.delete": async (call) =>
    await (await change()).deleteSnapshot(call.context, refOf(call), call.params.snapshot),
};
