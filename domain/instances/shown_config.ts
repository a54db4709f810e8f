// An instance's configuration as clients are shown it: with LXD's words on ids, for LXD's client gives them on to another LXD.

import type { Config } from "../../wire/instance.ts";
import type { InstanceRecord } from "./record.ts";

const mapKey = "volatile.last_state.idmap";

/**
 * Adds LXD's `volatile.idmap.*` of a container. Whoever is sent its files gets them with the owners that they have inside,
 * and LXD believes that of files whose `volatile.last_state.idmap` is an empty map: with the map itself it would take files
 * that came from here for shifted ones.
 */
export function shownConfig({ config, type }: Pick<InstanceRecord, "config" | "type">): Config {
  if (type === "virtual-machine") return config;
  const map = config[mapKey];
  return {
    ...config,
    "volatile.idmap.base": "0",
    // LXD lets no update lack it, once an instance has run there
    "volatile.idmap.current": config["volatile.idmap.current"] ?? map ?? "[]",
    ...(map === undefined ? {} : { "volatile.idmap.next": map }),
    [mapKey]: "[]",
  };
}
