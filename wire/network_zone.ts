// Zones of DNS: what networks' instances are called, and further records, for other servers to fetch.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

/** A zone of DNS that other servers may fetch. */
export interface NetworkZone {
  name: string;
  description: string;
  config: Config;
  /** addresses of the networks whose names are in it */
  used_by: string[];
  project: string;
}

const description = s.optional(s.string);
const config = s.optional(s.record(s.string));

export const networkZonePut = s.object({ description, config });
/** What can be changed of a zone. */
export type NetworkZonePut = s.TypeOf<typeof networkZonePut>;

export const networkZonesPost = s.object({ name: s.required(s.string), description, config });
/** A zone to be made. */
export type NetworkZonesPost = s.TypeOf<typeof networkZonesPost>;

export const networkZoneRecordEntry = s.object({
  type: s.required(s.string, "`A`, `MX`, …"),
  ttl: s.optional(s.integer),
  value: s.required(s.string),
});
/** One record of DNS. */
export type NetworkZoneRecordEntry = s.TypeOf<typeof networkZoneRecordEntry>;

/** A name in a zone with its records, beside those of instances. */
export interface NetworkZoneRecord {
  /** `@` for the zone itself */
  name: string;
  description: string;
  entries: NetworkZoneRecordEntry[];
  config: Config;
}

const entries = s.optional(s.array(networkZoneRecordEntry));

export const networkZoneRecordPut = s.object({ description, entries, config });
/** What can be changed of a name in a zone. */
export type NetworkZoneRecordPut = s.TypeOf<typeof networkZoneRecordPut>;

export const networkZoneRecordsPost = s.object({ name: s.required(s.string), description, entries, config });
/** A name to be put into a zone. */
export type NetworkZoneRecordsPost = s.TypeOf<typeof networkZoneRecordsPost>;
