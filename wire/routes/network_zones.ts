// Routes of zones of DNS.

import * as zone from "../network_zone.ts";
import { type Listing, lists, one, route } from "./route.ts";

const list = ["project", "recursion", "filter"] as const;

export const networkZones = {
  "network.zones.list": route<Listing<string[], zone.NetworkZone[]>>()(
    "sync",
    "GET /1.0/network-zones",
    "All network zones",
    { query: lists },
  ),
  "network.zones.create": route<null>()("sync", "POST /1.0/network-zones", "Add a network zone", {
    query: one,
    body: zone.networkZonesPost,
  }),
  "network.zone.get": route<zone.NetworkZone>()("sync", "GET /1.0/network-zones/{zone}", "One network zone", {
    query: one,
  }),
  "network.zone.update": route<null>()("sync", "PUT /1.0/network-zones/{zone}", "Replace the network zone", {
    query: one,
    body: zone.networkZonePut,
  }),
  "network.zone.patch": route<null>()(
    "sync",
    "PATCH /1.0/network-zones/{zone}",
    "Change parts of the network zone",
    { query: one, body: zone.networkZonePut },
  ),
  "network.zone.delete": route<null>()(
    "sync",
    "DELETE /1.0/network-zones/{zone}",
    "Delete the network zone",
    { query: one },
  ),
  "network.zone.records.list": route<Listing<string[], zone.NetworkZoneRecord[]>>()(
    "sync",
    "GET /1.0/network-zones/{zone}/records",
    "All records of the network zone",
    { query: list },
  ),
  "network.zone.records.create": route<null>()(
    "sync",
    "POST /1.0/network-zones/{zone}/records",
    "Add a record to the network zone",
    { query: one, body: zone.networkZoneRecordsPost },
  ),
  "network.zone.record.get": route<zone.NetworkZoneRecord>()(
    "sync",
    "GET /1.0/network-zones/{zone}/records/{name}",
    "One record of the network zone",
    { query: one },
  ),
  "network.zone.record.update": route<null>()(
    "sync",
    "PUT /1.0/network-zones/{zone}/records/{name}",
    "Replace the record",
    { query: one, body: zone.networkZoneRecordPut },
  ),
  "network.zone.record.patch": route<null>()(
    "sync",
    "PATCH /1.0/network-zones/{zone}/records/{name}",
    "Change parts of the record",
    { query: one, body: zone.networkZoneRecordPut },
  ),
  "network.zone.record.delete": route<null>()(
    "sync",
    "DELETE /1.0/network-zones/{zone}/records/{name}",
    "Delete the record",
    { query: one },
  ),
} as const;
