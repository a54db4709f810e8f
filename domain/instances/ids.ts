// Which id map an instance gets: the one all containers of the user share, or its own where it is isolated.

import { DreyError } from "../../errors.ts";
import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { formatMap, type IdMap, parseMap, punch, relativeTo, toNamespace } from "../../idmap/map.ts";
import { carveIsolated, type IdLayout, readLayout, type SubRange } from "../../idmap/ranges.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName, type InstanceRecord } from "./record.ts";
import { editRecord } from "./changes.ts";

/**
 * The map of an instance. It keeps the one of its first start, for its files belong to those ids.
 *
 * @throws {DreyError} `SUBID_MISSING` if there is no room for an isolated map, or the ids are no longer the user's
 */
export async function chooseMap(
  context: Context,
  ref: Ref,
  { config, layout }: { config: Config; layout: IdLayout },
): Promise<IdMap> {
  const last = config["volatile.last_state.idmap"];
  if (last !== undefined) return await stillOurs(parseMap(last), layout, context.user.name);
  return withRawIds(await baseMap(context, ref, { config, layout }), { config, layout });
}

async function baseMap(
  context: Context,
  ref: Ref,
  { config, layout }: { config: Config; layout: IdLayout },
): Promise<IdMap> {
  if (!readKey(config, keys.idmapIsolated)) return layout.container;
  const size = readKey(config, keys.idmapSize);
  const base = readKey(config, keys.idmapBase);
  return carveIsolated(layout, {
    taken: await isolatedRanges(context, ref, layout),
    ...(size === undefined ? {} : { size }),
    ...(base === undefined ? {} : { base }),
  });
}

/**
 * A map with the ids that `raw.idmap` names.
 *
 * @throws {DreyError} `BAD_REQUEST` for ids that are not the user's to give
 */
function withRawIds(
  map: IdMap,
  { config, layout }: { config: Config; layout: IdLayout },
): IdMap {
  const raw = readKey(config, keys.rawIdmap);
  if (raw === undefined || raw.uids.length + raw.gids.length === 0) return map;
  if (layout.kind === "single") throw noIdsToGive();
  const { parent } = layout;
  for (const kind of ["uids", "gids"] as const) {
    for (const { hostId, count } of raw[kind]) {
      for (const id of parent === undefined ? [] : [hostId, hostId + count - 1]) {
        if (toNamespace(parent?.[kind] ?? [], id) === undefined) throw notOurs(kind, id);
      }
    }
  }
  return punch(map, raw);
}

/** The same look at `raw.idmap` before an instance is given it. */
export async function checkRawIds(context: Context, config: Config): Promise<void> {
  if (!config[keys.rawIdmap.name]) return;
  const layout = await readLayout(context.user);
  withRawIds(layout.container, { config, layout });
}

const noIdsToGive = () =>
  new DreyError("SUBID_MISSING", {
    message: "Cannot use raw.idmap: without subordinate ids there is one id inside, and it is yours already",
  });

function notOurs(kind: "uids" | "gids", id: number): DreyError {
  const [word, file] = kind === "uids" ? ["user", "/etc/subuid"] : ["group", "/etc/subgid"];
  return new DreyError("BAD_REQUEST", {
    message: `Invalid value for "raw.idmap": ${word} id ${id} of the host is not yours to give`,
    hint: `There are your own ${word} id and those that ${file} gives you`,
  });
}

/**
 * The same for a start: ids chosen for an isolated instance are noted at once, so that another one that starts at the
 * same time takes others.
 */
export async function settleMap(
  context: Context,
  ref: Ref,
  facts: { config: Config; layout: IdLayout },
): Promise<IdMap> {
  const isNew = facts.config["volatile.last_state.idmap"] === undefined;
  if (!isNew || !readKey(facts.config, keys.idmapIsolated)) return await chooseMap(context, ref, facts);
  await using _lock = await context.store.lock(["isolated-ids"]);
  const map = await chooseMap(context, ref, facts);
  await editRecord(context, ref, ({ config, ...record }) => ({
    ...record,
    config: { ...config, "volatile.last_state.idmap": formatMap(map) },
  }));
  return map;
}

/** Root may use any ids; a user's are those of the parent namespace. */
async function stillOurs(map: IdMap, { parent }: IdLayout, user: string): Promise<IdMap> {
  if (parent === undefined) return map;
  try {
    relativeTo(map.uids, parent.uids);
    relativeTo(map.gids, parent.gids);
    return map;
  } catch (cause) {
    const { idsBack } = await import("../../idmap/grant.ts");
    throw new DreyError("SUBID_MISSING", {
      message: "The files of the instance belong to subordinate ids that are not the user's, or no longer",
      hint: idsBack(user, map),
      cause,
    });
  }
}

/** Host ids of all instances that do not share the common map, whether they or a profile asked for that. */
async function isolatedRanges(context: Context, except: Ref, layout: IdLayout): Promise<SubRange[]> {
  // raw.idmap leaves a shared map its first id
  const shared = layout.container.uids[0]?.hostId;
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  return entries.flatMap(({ key, value }) => {
    const other = { project: key[1] ?? "", name: key[2] ?? "" };
    const map = value.config["volatile.last_state.idmap"];
    if (map === undefined || directoryName(other) === directoryName(except)) return [];
    const { uids } = parseMap(map);
    if (uids[0]?.hostId === shared) return [];
    return uids.map((range) => ({ start: range.hostId, count: range.count }));
  });
}
