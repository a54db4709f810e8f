// Zones of DNS: what networks' instances are called, and further records, for other servers to fetch.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

export interface NetworkZone {
  name: string;
  description: string;
  config: Config;
  used_by: string[];
  project: string;
}

const description = s.optional(s.string);
const config = s.optional(s.record(s.string));

export const networkZonePut = s.object({ description, config });
export type NetworkZonePut = s.TypeOf<typeof networkZonePut>;

export const networkZonesPost = s.object({ name: s.required(s.string), description, config });
export type NetworkZonesPost = s.TypeOf<typeof networkZonesPost>;

export const networkZoneRecordEntry = s.object({
  type: s.required(s.string, "`A`, `MX`, …"),
  ttl: s.optional(s.integer),
  value: s.required(s.string),
});
export type NetworkZoneRecordEntry = s.TypeOf<typeof networkZoneRecordEntry>;

export interface NetworkZoneRecord {
  name: string;
  description: string;
  entries: NetworkZoneRecordEntry[];
  config: Config;
}

const entries = s.optional(s.array(networkZoneRecordEntry));

export const networkZoneRecordPut = s.object({ description, entries, config });
export type NetworkZoneRecordPut = s.TypeOf<typeof networkZoneRecordPut>;

export const networkZoneRecordsPost = s.object({ name: s.required(s.string), description, entries, config });
export type NetworkZoneRecordsPost = s.TypeOf<typeof networkZoneRecordsPost>;
