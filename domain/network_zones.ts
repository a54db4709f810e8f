// Zones of DNS: names of networks' instances and further records, which other servers of DNS may fetch.

import { mustKnowEmptied, withoutEmpty } from "../config/key.ts";
import { validateZoneConfig, validateZoneName, validateZoneRecord } from "../config/zone_keys.ts";
import { DreyError } from "../errors.ts";
import { changedMeanwhile } from "./changed.ts";
import type { Entry, Key, Write } from "../store/store.ts";
import type { Config } from "../wire/instance.ts";
import type {
  NetworkZone,
  NetworkZonePut,
  NetworkZoneRecord,
  NetworkZoneRecordEntry,
  NetworkZoneRecordPut,
  NetworkZoneRecordsPost,
  NetworkZonesPost,
} from "../wire/network_zone.ts";
import type { Context, Ref } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { networkRecords } from "./networks/record.ts";

export interface ZoneRecord {
  description: string;
  config: Config;
  records: Record<string, { description: string; config: Config; entries: NetworkZoneRecordEntry[] }>;
}

const keyOf = (ref: Ref): Key => ["network-zones", ref.project, ref.name];

/** Every zone as the store has it. */
export async function zoneRecords(
  context: Context,
  project?: string,
): Promise<{ ref: Ref; zone: ZoneRecord }[]> {
  const entries = await context.store.list<ZoneRecord>(
    project === undefined ? ["network-zones"] : ["network-zones", project],
  );
  return entries.map(({ key, value }) => ({
    ref: { project: key[1] ?? "", name: key[2] ?? "" },
    zone: value,
  }));
}

/** All zones of a project, or of every one. */
export async function listZones(context: Context, project?: string): Promise<NetworkZone[]> {
  const users = await zoneUsers(context);
  return (await zoneRecords(context, project)).map(({ ref, zone }) => shape(ref, zone, users(ref.name)));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getZone(context: Context, ref: Ref): Promise<NetworkZone> {
  const { value } = await load(context, ref);
  return shape(ref, value, (await zoneUsers(context))(ref.name));
}

function shape({ name, project }: Ref, { description, config }: ZoneRecord, used_by: string[]): NetworkZone {
  return { name, description, config, used_by, project };
}

const zoneKeys = ["dns.zone.forward", "dns.zone.reverse.ipv4", "dns.zone.reverse.ipv6"] as const;

async function zoneUsers(context: Context): Promise<(zone: string) => string[]> {
  const networks = await networkRecords(context);
  return (zone) =>
    networks.filter(({ record: { config } }) =>
      zoneKeys.some((key) => (config[key] ?? "").split(",").some((name) => name.trim() === zone))
    ).map(({ ref }) => `/1.0/networks/${encodeURIComponent(ref.name)}`);
}

async function load(context: Context, ref: Ref): Promise<Entry<ZoneRecord>> {
  const entry = await context.store.get<ZoneRecord>(keyOf(ref));
  if (entry === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Network zone "${ref.name}" not found` });
  }
  return entry;
}

/** @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`: a zone is answered for once, whatever project it is in */
export async function createZone(context: Context, project: string, post: NetworkZonesPost): Promise<void> {
  validateZoneName(post.name);
  const ref = { project, name: post.name };
  const { description = "", config = {} } = post;
  validateZoneConfig(config);
  await using _lock = await context.store.lock(["network-zones"]);
  const taken = (await zoneRecords(context)).some((other) => other.ref.name === ref.name);
  if (taken) {
    throw new DreyError("ALREADY_EXISTS", { message: `The network zone "${ref.name}" already exists` });
  }
  await context.store.commit([{ key: keyOf(ref), revision: 0 }], [
    { key: keyOf(ref), value: { description, config, records: {} } satisfies ZoneRecord },
    happened(context, "created", ref),
  ]);
}

/** Replaces what the zone says. */
export async function updateZone(context: Context, ref: Ref, put: NetworkZonePut): Promise<void> {
  await change(
    context,
    ref,
    (old) => ({ ...old, description: put.description ?? "", config: put.config ?? {} }),
  );
}

/** Changes the parts that are named. */
export async function patchZone(context: Context, ref: Ref, put: NetworkZonePut): Promise<void> {
  await change(context, ref, (old) => ({
    ...old,
    description: put.description ?? old.description,
    config: { ...old.config, ...put.config },
  }));
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` while a network uses it */
export async function deleteZone(context: Context, ref: Ref): Promise<void> {
  const { revision } = await load(context, ref);
  const users = (await zoneUsers(context))(ref.name);
  if (users.length > 0) {
    throw new DreyError("BAD_REQUEST", {
      message: "The network zone is currently in use",
      hint: `It is used by: ${users.slice(0, 5).join(", ")}`,
    });
  }
  const done = await context.store.commit([{ key: keyOf(ref), revision }], [
    { key: keyOf(ref), delete: true },
    happened(context, "deleted", ref),
  ]);
  if (!done) throw changed(ref.name);
}

/** @throws {DreyError} `NOT_FOUND` */
export async function listZoneRecords(context: Context, zone: Ref): Promise<NetworkZoneRecord[]> {
  const { value } = await load(context, zone);
  return Object.entries(value.records).map(([name, record]) => ({ name, ...record }));
}

/** @throws {DreyError} `NOT_FOUND` */
export async function getZoneRecord(context: Context, zone: Ref, name: string): Promise<NetworkZoneRecord> {
  return { name, ...recordOf((await load(context, zone)).value, name) };
}

function recordOf({ records }: ZoneRecord, name: string) {
  const found = Object.hasOwn(records, name) ? records[name] : undefined;
  if (found === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Network zone record "${name}" not found` });
  }
  return found;
}

/** @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS` */
export async function createZoneRecord(
  context: Context,
  zone: Ref,
  { name, description = "", config = {}, entries = [] }: NetworkZoneRecordsPost,
): Promise<void> {
  await changeRecord(context, { zone, name, what: "created" }, ({ records }) => {
    if (Object.hasOwn(records, name)) {
      throw new DreyError("ALREADY_EXISTS", { message: `The network zone record "${name}" already exists` });
    }
    return { description, config, entries };
  });
}

/** Replaces all of a record. */
export async function updateZoneRecord(
  context: Context,
  zone: Ref,
  { name, put: { description = "", config = {}, entries = [] } }: { name: string; put: NetworkZoneRecordPut },
): Promise<void> {
  await changeRecord(context, { zone, name, what: "updated" }, (old) => {
    recordOf(old, name);
    return { description, config, entries };
  });
}

/** Changes the parts that are named. */
export async function patchZoneRecord(
  context: Context,
  zone: Ref,
  { name, put }: { name: string; put: NetworkZoneRecordPut },
): Promise<void> {
  await changeRecord(context, { zone, name, what: "updated" }, (old) => {
    const known = recordOf(old, name);
    return {
      description: put.description ?? known.description,
      config: { ...known.config, ...put.config },
      entries: put.entries ?? known.entries,
    };
  });
}

/** @throws {DreyError} `NOT_FOUND` */
export async function deleteZoneRecord(context: Context, zone: Ref, name: string): Promise<void> {
  await changeRecord(context, { zone, name, what: "deleted" }, (old) => {
    recordOf(old, name);
    return undefined;
  });
}

async function changeRecord(
  context: Context,
  { zone, name, what }: { zone: Ref; name: string; what: string },
  edit: (old: ZoneRecord) => ZoneRecord["records"][string] | undefined,
): Promise<void> {
  const { value, revision } = await load(context, zone);
  const edited = edit(value);
  const { [name]: _, ...others } = value.records;
  if (edited !== undefined) {
    validateZoneRecord(name, edited.entries);
    const wrong = Object.keys(edited.config).find((key) => !key.startsWith("user."));
    if (wrong !== undefined) throw new DreyError("BAD_REQUEST", { message: `Invalid option "${wrong}"` });
  }
  const records = edited === undefined ? others : { ...others, [name]: edited };
  const done = await context.store.commit([{ key: keyOf(zone), revision }], [
    { key: keyOf(zone), value: { ...value, records } satisfies ZoneRecord },
    happened(context, what, zone, name),
  ]);
  if (!done) throw changed(zone.name);
}

async function change(context: Context, ref: Ref, edit: (old: ZoneRecord) => ZoneRecord): Promise<void> {
  const { value, revision } = await load(context, ref);
  const edited = edit(value);
  mustKnowEmptied(edited.config, validateZoneConfig);
  const config = withoutEmpty(edited.config);
  validateZoneConfig(config);
  const done = await context.store.commit([{ key: keyOf(ref), revision }], [
    { key: keyOf(ref), value: { ...edited, config } },
    happened(context, "updated", ref),
  ]);
  if (!done) throw changed(ref.name);
}

/**
 * Fails if a network speaks of zones that are not there.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export async function refuseAbsentZones(context: Context, config: Config): Promise<void> {
  const wanted = zoneKeys.flatMap((key) => (config[key] ?? "").split(",").map((name) => name.trim()))
    .filter((name) => name !== "");
  if (wanted.length === 0) return;
  const known = (await zoneRecords(context)).map(({ ref }) => ref.name);
  const absent = wanted.find((name) => !known.includes(name));
  if (absent === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Network zone "${absent}" not found`,
    hint: `Create it first: drey network zone create ${absent}`,
  });
}

const changed = (name: string) => changedMeanwhile(`Network zone "${name}"`);

function happened(context: Context, what: string, { project, name }: Ref, record?: string): Write {
  const zone = `/1.0/network-zones/${encodeURIComponent(name)}`;
  return lifecycleWrite(context, {
    project,
    action: `network-zone-${record === undefined ? "" : "record-"}${what}`,
    source: record === undefined ? zone : `${zone}/records/${encodeURIComponent(record)}`,
  });
}
