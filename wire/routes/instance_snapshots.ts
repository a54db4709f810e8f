// Routes of snapshots of instances.

import * as snapshot from "../instance_snapshot.ts";
import { type Listing, one, route } from "./route.ts";

export const instanceSnapshots = {
  "snapshots.list": route<Listing<string[], snapshot.InstanceSnapshot[]>>()(
    "sync",
    "GET /1.0/instances/{name}/snapshots",
    "The snapshots of the instance",
    { query: ["project", "recursion", "filter"] },
  ),
  "snapshots.create": route()("async", "POST /1.0/instances/{name}/snapshots", "Take a snapshot", {
    query: one,
    body: snapshot.instanceSnapshotsPost,
  }),
  "snapshot.get": route<snapshot.InstanceSnapshot>()(
    "sync",
    "GET /1.0/instances/{name}/snapshots/{snapshot}",
    "One snapshot",
    { query: one },
  ),
  "snapshot.update": route()(
    "async",
    "PUT /1.0/instances/{name}/snapshots/{snapshot}",
    "Replace when the snapshot expires",
    { query: one, body: snapshot.instanceSnapshotPut },
  ),
  "snapshot.patch": route()(
    "async",
    "PATCH /1.0/instances/{name}/snapshots/{snapshot}",
    "Change when the snapshot expires",
    { query: one, body: snapshot.instanceSnapshotPut },
  ),
  "snapshot.rename": route()(
    "async",
    "POST /1.0/instances/{name}/snapshots/{snapshot}",
    "Rename the snapshot",
    { query: one, body: snapshot.instanceSnapshotPost },
  ),
  "snapshot.delete": route()(
    "async",
    "DELETE /1.0/instances/{name}/snapshots/{snapshot}",
    "Delete the snapshot",
    { query: one },
  ),
} as const;
