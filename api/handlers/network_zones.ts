// Zones of DNS.

import * as zones from "../../domain/network_zones.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";

type Names =
  | "network.zones.list"
  | "network.zones.create"
  | "network.zone.get"
  | "network.zone.update"
  | "network.zone.patch"
  | "network.zone.delete"
  | "network.zone.records.list"
  | "network.zone.records.create"
  | "network.zone.record.get"
  | "network.zone.record.update"
  | "network.zone.record.patch"
  | "network.zone.record.delete";

const recordAddress = (zone: string, name: string) =>
  `/1.0/network-zones/${encodeURIComponent(zone)}/records/${encodeURIComponent(name)}`;

export const handlers: Handlers<Names> = {
  "network.zones.list": async ({ context, project, recursion, query }) =>
    listed(await zones.listZones(context, isOn(query("all-projects")) ? undefined : project), {
      recursion,
      filter: query("filter"),
      address: (zone) => addressOf("network-zones", zone.name, zone.project),
    }),
  "network.zones.create": async ({ context, project, body }) => {
    await zones.createZone(context, project, body);
    return new Created(addressOf("network-zones", body.name, project));
  },
  "network.zone.get": ({ context, project, params }) =>
    zones.getZone(context, { project, name: params.zone }),
  "network.zone.update": ({ context, project, params, body }) =>
    zones.updateZone(context, { project, name: params.zone }, body),
  "network.zone.patch": ({ context, project, params, body }) =>
    zones.patchZone(context, { project, name: params.zone }, body),
  "network.zone.delete": ({ context, project, params }) =>
    zones.deleteZone(context, { project, name: params.zone }),
  "network.zone.records.list": async ({ context, project, params, recursion, query }) =>
    listed(await zones.listZoneRecords(context, { project, name: params.zone }), {
      recursion,
      filter: query("filter"),
      address: ({ name }) => recordAddress(params.zone, name),
    }),
  "network.zone.records.create": async ({ context, project, params, body }) => {
    await zones.createZoneRecord(context, { project, name: params.zone }, body);
    return new Created(recordAddress(params.zone, body.name));
  },
  "network.zone.record.get": ({ context, project, params }) =>
    zones.getZoneRecord(context, { project, name: params.zone }, params.name),
  "network.zone.record.update": ({ context, project, params, body }) =>
    zones.updateZoneRecord(context, { project, name: params.zone }, { name: params.name, put: body }),
  "network.zone.record.patch": ({ context, project, params, body }) =>
    zones.patchZoneRecord(context, { project, name: params.zone }, { name: params.name, put: body }),
  "network.zone.record.delete": ({ context, project, params }) =>
    zones.deleteZoneRecord(context, { project, name: params.zone }, params.name),
};
