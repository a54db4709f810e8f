// Routes of storage volumes and their snapshots.

import type { Operation } from "../operation.ts";
import {
  type StorageVolume,
  storageVolumePost,
  storageVolumePut,
  type StorageVolumeSnapshot,
  storageVolumesPost,
  type StorageVolumeState,
  type Told,
  volumeSnapshotPost,
  volumeSnapshotPut,
  volumeSnapshotsPost,
} from "../storage_volume.ts";
import { type Listing, lists, route } from "./route.ts";

const all = "/1.0/storage-pools/{pool}/volumes";
const typed = "/1.0/storage-pools/{pool}/volumes/{type}";
const volume = "/1.0/storage-pools/{pool}/volumes/{type}/{volume}";
const snapshots = "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots";
const snapshot = "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots/{snapshot}";
const here = ["project", "target"] as const;

export const storageVolumes = {
  "volumes.all": route<Listing<string[], StorageVolume[]>>()(
    "sync",
    "GET /1.0/storage-volumes",
    "Storage volumes of every pool",
    { query: lists },
  ),
  "volumes.all.typed": route<Listing<string[], StorageVolume[]>>()(
    "sync",
    "GET /1.0/storage-volumes/{type}",
    "Storage volumes of one type of every pool",
    { query: lists },
  ),
  "volumes.list": route<Listing<string[], StorageVolume[]>>()("sync", `GET ${all}`, "Volumes of the pool", {
    query: [...lists, "target"],
  }),
  "volumes.create": route<Told | Operation>()(
    "sync",
    `POST ${all}`,
    "Create a volume, or copy one, as an operation",
    { query: here, body: storageVolumesPost },
  ),
  "volumes.typed.list": route<Listing<string[], StorageVolume[]>>()(
    "sync",
    `GET ${typed}`,
    "Volumes of one type of the pool",
    { query: [...lists, "target"] },
  ),
  "volumes.typed.create": route<Told | Operation>()(
    "sync",
    `POST ${typed}`,
    "Create a volume, or copy or import one, as an operation",
    { query: here },
  ),
  "volume.get": route<StorageVolume>()("sync", `GET ${volume}`, "One volume", { query: here }),
  "volume.update": route<Told>()("sync", `PUT ${volume}`, "Replace the volume's settings, or restore it", {
    query: here,
    body: storageVolumePut,
  }),
  "volume.patch": route<Told>()("sync", `PATCH ${volume}`, "Change parts of the volume's settings", {
    query: here,
    body: storageVolumePut,
  }),
  "volume.move": route<null | Operation>()(
    "sync",
    `POST ${volume}`,
    "Rename the volume, or move it to another pool or project, as an operation",
    { query: here, body: storageVolumePost },
  ),
  "volume.delete": route<null>()("sync", `DELETE ${volume}`, "Delete the volume", { query: here }),
  "volume.state": route<StorageVolumeState>()("sync", `GET ${volume}/state`, "Space the volume takes", {
    query: here,
  }),
  "volume.snapshots.list": route<Listing<string[], StorageVolumeSnapshot[]>>()(
    "sync",
    `GET ${snapshots}`,
    "Snapshots of the volume",
    { query: ["project", "recursion", "target"] },
  ),
  "volume.snapshots.create": route<never>()("async", `POST ${snapshots}`, "Take a snapshot of the volume", {
    query: here,
    body: volumeSnapshotsPost,
  }),
  "volume.snapshot.get": route<StorageVolumeSnapshot>()("sync", `GET ${snapshot}`, "One snapshot", {
    query: here,
  }),
  "volume.snapshot.update": route<null>()("sync", `PUT ${snapshot}`, "Replace the snapshot's settings", {
    query: here,
    body: volumeSnapshotPut,
  }),
  "volume.snapshot.patch": route<null>()(
    "sync",
    `PATCH ${snapshot}`,
    "Change parts of the snapshot's settings",
    { query: here, body: volumeSnapshotPut },
  ),
  "volume.snapshot.rename": route<never>()("async", `POST ${snapshot}`, "Rename the snapshot", {
    query: here,
    body: volumeSnapshotPost,
  }),
  "volume.snapshot.delete": route<never>()("async", `DELETE ${snapshot}`, "Delete the snapshot", {
    query: here,
  }),
} as const;
