// The columns of `drey list`, LXD's letters, and columns made from configuration and device keys.

import { DreyError } from "../errors.ts";
import type { InstanceFull, InstanceStateNetwork } from "../wire/instance.ts";
import type { Column, Columns } from "./columns.ts";
import { binarySize, dateTime } from "./output.ts";

export interface InstanceColumn extends Column<InstanceFull> {
  /** whether it shows what only a look at the running instance tells */
  needsState?: boolean;
}

const live = (header: string, cell: Column<InstanceFull>["cell"]): InstanceColumn => ({
  header,
  cell,
  needsState: true,
});

const instanceColumns: Columns<InstanceFull> & Record<string, InstanceColumn> = {
  "4": live("IPV4", (item) => addresses(item, "inet").join("\n")),
  "6": live("IPV6", (item) => addresses(item, "inet6").join("\n")),
  a: { header: "ARCHITECTURE", cell: (item) => item.architecture },
  b: { header: "STORAGE POOL", cell: (item) => rootDisk(item)?.pool ?? "" },
  c: { header: "CREATED AT", cell: (item) => dateTime(item.created_at) },
  d: { header: "DESCRIPTION", cell: (item) => item.description },
  D: live("DISK USAGE", (item) => {
    const usage = item.state?.disk?.root?.usage;
    return usage ? binarySize(usage) : "";
  }),
  e: { header: "PROJECT", cell: (item) => item.project },
  f: { header: "BASE IMAGE", cell: (item) => baseImage(item).slice(0, 12) },
  F: { header: "BASE IMAGE", cell: baseImage },
  l: { header: "LAST USED AT", cell: (item) => dateTime(item.last_used_at) },
  L: { header: "LOCATION", cell: (item) => item.location },
  m: live("MEMORY USAGE", (item) => item.state?.memory.usage ? binarySize(item.state.memory.usage) : ""),
  M: live("MEMORY USAGE%", memoryPercent),
  n: { header: "NAME", cell: (item) => item.name },
  N: live("PROCESSES", (item) => item.state?.pid ? String(item.state.processes) : ""),
  p: live("PID", (item) => item.state?.pid ? String(item.state.pid) : ""),
  P: { header: "PROFILES", cell: (item) => item.profiles.join("\n") },
  s: { header: "STATE", cell: (item) => item.status.toUpperCase() },
  S: live("SNAPSHOTS", (item) => String(item.snapshots?.length ?? 0)),
  t: { header: "TYPE", cell: typeText },
  u: live("CPU USAGE", (item) => item.state?.pid ? `${Math.floor(item.state.cpu.usage / 1e9)}s` : ""),
};

/**
 * Reads `ns46`, `n,user.team:TEAM:10` or `devices:eth0.parent`: letters, and keys between commas.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown letter or a bad width
 */
export function parseInstanceColumns(text: string): InstanceColumn[] {
  return text.split(",").flatMap((part) => {
    if (/[.:]/.test(part)) return [keyColumn(part)];
    return [...part].map((letter) => {
      const column = instanceColumns[letter];
      if (column !== undefined) return column;
      const known = Object.keys(instanceColumns).join("");
      throw new DreyError("BAD_REQUEST", { message: `There is no column "${letter}"; there are ${known}` });
    });
  });
}

// [config:|devices:]key[:name][:maxWidth]
function keyColumn(text: string): InstanceColumn {
  const parts = text.split(":");
  const place = parts[0] === "config" || parts[0] === "devices" ? parts.shift() : "config";
  const [key = "", name = "", width = "-1"] = parts;
  if (!/^-?\d+$/.test(width)) {
    throw new DreyError("BAD_REQUEST", { message: `The width in column "${text}" is no whole number` });
  }
  const header = (name || key).toUpperCase();
  const most = width === "0" ? header.length : Number(width);
  return {
    header,
    cell(item) {
      const own = Object.hasOwn(item.expanded_config, key) ? item.expanded_config[key] : "";
      const value = (place === "devices" ? deviceKey(item, key) : own) ?? "";
      return most > 0 ? value.slice(0, most) : value;
    },
  };
}

function deviceKey({ expanded_devices }: InstanceFull, key: string): string {
  const dot = key.indexOf(".");
  return expanded_devices[key.slice(0, dot)]?.[key.slice(dot + 1)] ?? "";
}

/** Global addresses of a family with their interface, `10.0.3.2 (eth0)`, interfaces in order. */
export function addresses({ state }: InstanceFull, family: "inet" | "inet6"): string[] {
  return Object.entries(state?.network ?? {})
    .filter(([name]) => name !== "lo")
    .sort(([a], [b]) => a < b ? 1 : -1)
    .flatMap(([name, network]) => addressesOf(network, family).map((address) => `${address} (${name})`));
}

const addressesOf = (network: InstanceStateNetwork, wanted: "inet" | "inet6") =>
  network.addresses.filter(({ family, scope }) => family === wanted && scope !== "link" && scope !== "local")
    .map(({ address }) => address);

const rootDisk = ({ expanded_devices }: InstanceFull) =>
  Object.values(expanded_devices).find(({ type, path }) => type === "disk" && path === "/");

function baseImage({ config }: InstanceFull): string {
  return config["volatile.base_image"] ?? "";
}

function typeText({ type, ephemeral }: InstanceFull): string {
  const text = type === "container" ? "CONTAINER" : "VIRTUAL-MACHINE";
  return ephemeral ? `${text} (EPHEMERAL)` : text;
}

function memoryPercent({ state }: InstanceFull): string {
  const { usage = 0, total = 0 } = state?.memory ?? {};
  return usage > 0 && total > 0 ? `${(usage / total * 100).toFixed(1)}%` : "";
}
