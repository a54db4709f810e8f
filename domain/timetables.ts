// Who has a timetable: instances and volumes whose snapshots are due at certain times, so that somebody must be there.

import { hasTimes } from "../config/schedule.ts";
import type { Context } from "./context.ts";
import { expand } from "./instances/expand.ts";
import type { InstanceRecord } from "./instances/record.ts";
import { refOfKey, type VolumeRecord } from "./storage_volumes/record.ts";

/** The first of them, as logs name it, or nothing if nobody has one. */
export async function firstWithTimetable(context: Context): Promise<string | undefined> {
  for (
    const { key: [, project = "", name = ""], value } of await context.store.list<InstanceRecord>([
      "instances",
    ])
  ) {
    const { config } = await expand(context, project, value);
    if (hasTimes(config["snapshots.schedule"] ?? "")) return `instance "${name}"`;
  }
  const volumes = await context.store.list<VolumeRecord>(["volumes"]);
  const volume = volumes.find(({ value }) => hasTimes(value.config["snapshots.schedule"] ?? ""));
  return volume === undefined ? undefined : `volume "${refOfKey(volume.key).name}"`;
}
