// Which id map an instance gets: the one all containers of the user share, or its own where it is isolated.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { formatMap, type IdMap, parseMap } from "../../idmap/map.ts";
import { carveIsolated, type IdLayout, type SubRange } from "../../idmap/ranges.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName, type InstanceRecord } from "./record.ts";

/**
 * The map of an instance. An isolated one keeps the map it was given first, for its files belong to those ids.
 *
 * @throws {DreyError} `SUBID_MISSING` if there is no room for an isolated map
 */
export async function chooseMap(
  context: Context,
  ref: Ref,
  { config, layout }: { config: Config; layout: IdLayout },
): Promise<IdMap> {
  if (!readKey(config, keys.idmapIsolated)) return layout.container;
  const last = config["volatile.last_state.idmap"];
  if (last !== undefined && last !== formatMap(layout.container)) return parseMap(last);
  const size = readKey(config, keys.idmapSize);
  const base = readKey(config, keys.idmapBase);
  return carveIsolated(layout, {
    taken: await isolatedRanges(context, ref),
    ...(size === undefined ? {} : { size }),
    ...(base === undefined ? {} : { base }),
  });
}

async function isolatedRanges(context: Context, except: Ref): Promise<SubRange[]> {
  const entries = await context.store.list<InstanceRecord>(["instances"]);
  return entries.flatMap(({ key, value }) => {
    const other = { project: key[1] ?? "", name: key[2] ?? "" };
    const map = value.config["volatile.last_state.idmap"];
    const isolated = value.config["security.idmap.isolated"] === "true";
    if (!isolated || map === undefined || directoryName(other) === directoryName(except)) return [];
    return parseMap(map).uids.map((range) => ({ start: range.hostId, count: range.count }));
  });
}
