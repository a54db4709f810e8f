// Storage volumes; their snapshots are in storage_volume_snapshots.ts.

import { inProject } from "../../wire/address.ts";
import * as volumes from "../../domain/storage_volumes.ts";
import type { VolumesWanted } from "../../domain/storage_volumes.ts";
import type { Context } from "../../domain/context.ts";
import { DreyError } from "../../errors.ts";
import type { Operation } from "../../wire/operation.ts";
import {
  type StorageVolume,
  type StorageVolumesPost,
  storageVolumesPost,
} from "../../wire/storage_volume.ts";
import { readBody } from "../body.ts";
import { Background, Created, type Handlers } from "../call.ts";
import { isOn, listed } from "../lists.ts";
import { mayReach } from "../middleware/permission.ts";

type Names =
  | "volumes.all"
  | "volumes.all.typed"
  | "volumes.list"
  | "volumes.create"
  | "volumes.typed.list"
  | "volumes.typed.create"
  | "volume.get"
  | "volume.update"
  | "volume.patch"
  | "volume.move"
  | "volume.delete"
  | "volume.state";

interface Listing {
  context: Context;
  project: string;
  recursion: number;
  query(name: "all-projects" | "filter"): string | undefined;
}

async function list({ context, project, recursion, query }: Listing, wanted: VolumesWanted) {
  const everywhere = isOn(query("all-projects"));
  const found = await volumes.listVolumes(context, { ...wanted, ...(everywhere ? {} : { project }) });
  return listed(found, { recursion, filter: query("filter"), address });
}

function address({ pool, type, name, project }: StorageVolume): string {
  const [volume = "", snapshot] = name.split("/").map(encodeURIComponent);
  const place = `/1.0/storage-pools/${encodeURIComponent(pool)}/volumes/${type}/${volume}`;
  return inProject(snapshot === undefined ? place : `${place}/snapshots/${snapshot}`, project);
}

async function create(
  context: Context,
  project: string,
  { pool, post }: { pool: string; post: StorageVolumesPost },
): Promise<Created | Background> {
  const { createVolume } = await import("../../domain/storage_volumes/create.ts");
  return answer(await createVolume(context, project, { pool, post }), { pool, name: post.name });
}

function answer(done: Operation | string[] | undefined, { pool, name }: { pool: string; name: string }) {
  if (done !== undefined && !Array.isArray(done)) return new Background(done);
  return new Created(
    `/1.0/storage-pools/${encodeURIComponent(pool)}/volumes/custom/${encodeURIComponent(name)}`,
    told(done ?? []),
  );
}

/** What there is to say, for people: LXD's clients take no notice of it. */
const told = (warnings: string[]) => warnings.length === 0 ? null : { warnings };

const nameOf = ({ pool, type, volume }: { pool: string; type: string; volume: string }) => ({
  pool,
  type,
  name: volume,
});

const isRoot = ({ type }: { type: string }): boolean => volumes.volumeType(type) !== "custom";

export const handlers: Handlers<Names> = {
  "volumes.all": (call) => list(call, {}),
  "volumes.all.typed": (call) => list(call, { type: call.params.type }),
  "volumes.list": (call) => list(call, { pool: call.params.pool }),
  "volumes.typed.list": (call) => list(call, { pool: call.params.pool, type: call.params.type }),
  "volumes.create": ({ context, project, params, body }) =>
    create(context, project, { pool: params.pool, post: body }),
  "volumes.typed.create": async ({ context, caller, project, params, request }) => {
    const type = request.headers.get("content-type") ?? "";
    if (/^application\/octet-stream\b/i.test(type)) {
      return await upload(context, project, { ...params, request });
    }
    const post = await readBody(request, storageVolumesPost) as StorageVolumesPost;
    mayReach(caller, post);
    return await create(context, project, { pool: params.pool, post: { ...post, type: params.type } });
  },
  "volume.get": ({ context, project, params }) => volumes.getVolume(context, project, nameOf(params)),
  "volume.state": ({ context, project, params }) => volumes.volumeState(context, project, nameOf(params)),
  "volume.update": async ({ context, project, params, body }) => {
    if (isRoot(params)) {
      const { updateRootVolume } = await import("../../domain/storage_volumes/root_notes.ts");
      await updateRootVolume(context, { name: { ...nameOf(params), project }, put: body });
      return null;
    }
    const { updateVolume } = await import("../../domain/storage_volumes/change.ts");
    return told(
      await updateVolume(context, await volumes.customRef(context, project, nameOf(params)), body),
    );
  },
  "volume.patch": async ({ context, project, params, body }) => {
    if (isRoot(params)) {
      const { patchRootVolume } = await import("../../domain/storage_volumes/root_notes.ts");
      await patchRootVolume(context, { name: { ...nameOf(params), project }, put: body });
      return null;
    }
    const { patchVolume } = await import("../../domain/storage_volumes/change.ts");
    return told(await patchVolume(context, await volumes.customRef(context, project, nameOf(params)), body));
  },
  "volume.move": async ({ context, project, params, body }) => {
    const { moveVolume } = await import("../../domain/storage_volumes/move.ts");
    const from = await volumes.customRef(context, project, nameOf(params));
    const operation = await moveVolume(context, from, body);
    return answer(operation, { pool: body.pool || params.pool, name: body.name });
  },
  "volume.delete": async ({ context, project, params }) => {
    const { deleteVolume } = await import("../../domain/storage_volumes/change.ts");
    await deleteVolume(context, await volumes.customRef(context, project, nameOf(params)));
  },
};

/** A file that becomes a volume: an image of a disc, as LXD's headers say. */
async function upload(
  context: Context,
  project: string,
  { pool, type, request }: { pool: string; type: string; request: Request },
): Promise<Background> {
  const name = request.headers.get("x-lxd-name") ?? "";
  const kind = request.headers.get("x-lxd-type") || "backup";
  if (type !== "custom" || request.body === null) {
    throw new DreyError("BAD_REQUEST", { message: "Only custom volumes can be imported" });
  }
  const { importVolume } = await import("../../domain/storage_volumes/import.ts");
  return new Background(await importVolume(context, project, { pool, name, kind, content: request.body }));
}
