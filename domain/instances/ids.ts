// Which id map an instance gets: the one all containers of the user share, or its own where it is isolated.

import { DreyError } from "../../errors.ts";
import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { formatMap, type IdMap, parseMap, relativeTo } from "../../idmap/map.ts";
import { carveIsolated, type IdLayout, type SubRange } from "../../idmap/ranges.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName, instanceKey, type InstanceRecord, loadRecord } from "./record.ts";

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
  if (last !== undefined) return stillOurs(parseMap(last), layout);
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
  const { value, revision } = await loadRecord(context, ref);
  const config = { ...value.config, "volatile.last_state.idmap": formatMap(map) };
  const key = instanceKey(ref);
  const noted = await context.store.commit([{ key, revision }], [{ key, value: { ...value, config } }]);
  if (noted) return map;
  throw new DreyError("CONFLICT", { message: `Instance "${ref.name}" was changed meanwhile` });
}

/** Root may use any ids; a user's are those of the parent namespace. */
function stillOurs(map: IdMap, { parent }: IdLayout): IdMap {
  if (parent === undefined) return map;
  try {
    relativeTo(map.uids, parent.uids);
    relativeTo(map.gids, parent.gids);
    return map;
  } catch (cause) {
    throw new DreyError("SUBID_MISSING", {
      message: "The files of the instance belong to subordinate ids that are no longer the user's",
      hint: `Give the user back the range in /etc/subuid and /etc/subgid: ${formatMap(map)}`,
      cause,
    });
  }
}

/** Host ids of all instances that do not share the common map, whether they or a profile asked for that. */
async function isolatedRanges(context: Context, except: Ref, layout: IdLayout): Promise<SubRange[]> {
  const shared = formatMap(layout.container);
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  return entries.flatMap(({ key, value }) => {
    const other = { project: key[1] ?? "", name: key[2] ?? "" };
    const map = value.config["volatile.last_state.idmap"];
    if (map === undefined || map === shared || directoryName(other) === directoryName(except)) return [];
    return parseMap(map).uids.map((range) => ({ start: range.hostId, count: range.count }));
  });
}
