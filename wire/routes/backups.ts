// Routes of backups of instances and of custom volumes.

import {
  backupPost,
  type InstanceBackup,
  instanceBackupsPost,
  type VolumeBackup,
  volumeBackupsPost,
} from "../backup.ts";
import { type Listing, one, route } from "./route.ts";

const all = "/1.0/instances/{name}/backups";
const backup = "/1.0/instances/{name}/backups/{backup}";
const ofVolume = "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups";
const volumeBackup = "/1.0/storage-pools/{pool}/volumes/{type}/{volume}/backups/{backup}";
const here = ["project", "target"] as const;

export const backups = {
  "instance.backups.list": route<Listing<string[], InstanceBackup[]>>()(
    "sync",
    `GET ${all}`,
    "Backups of the instance",
    {
      query: ["project", "recursion"],
    },
  ),
  "instance.backups.create": route<never>()("async", `POST ${all}`, "Make a backup of the instance", {
    query: one,
    body: instanceBackupsPost,
  }),
  "instance.backup.get": route<InstanceBackup>()("sync", `GET ${backup}`, "One backup", { query: one }),
  "instance.backup.rename": route<never>()("async", `POST ${backup}`, "Rename the backup", {
    query: one,
    body: backupPost,
  }),
  "instance.backup.delete": route<never>()("async", `DELETE ${backup}`, "Delete the backup", { query: one }),
  "instance.backup.export": route<never>()("raw", `GET ${backup}/export`, "The backup as a file", {
    query: one,
  }),
  "volume.backups.list": route<Listing<string[], VolumeBackup[]>>()(
    "sync",
    `GET ${ofVolume}`,
    "Backups of the volume",
    {
      query: ["project", "recursion", "target"],
    },
  ),
  "volume.backups.create": route<never>()("async", `POST ${ofVolume}`, "Make a backup of the volume", {
    query: here,
    body: volumeBackupsPost,
  }),
  "volume.backup.get": route<VolumeBackup>()("sync", `GET ${volumeBackup}`, "One backup of the volume", {
    query: here,
  }),
  "volume.backup.rename": route<never>()("async", `POST ${volumeBackup}`, "Rename the backup", {
    query: here,
    body: backupPost,
  }),
  "volume.backup.delete": route<never>()("async", `DELETE ${volumeBackup}`, "Delete the backup", {
    query: here,
  }),
  "volume.backup.export": route<never>()("raw", `GET ${volumeBackup}/export`, "The backup as a file", {
    query: here,
  }),
} as const;
