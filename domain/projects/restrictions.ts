// Restricted projects: what instances of people who may do anything in a project, and nothing outside, must not have.
// Counts where `restricted` is true; then whatever is not allowed by a key is forbidden.

import { join } from "@std/path";
import * as keys from "../../config/project_keys.ts";
import { type Key, readKey } from "../../config/key.ts";
import { truthOf } from "../../config/truth.ts";
import { DreyError } from "../../errors.ts";
import type { Config, Device } from "../../wire/instance.ts";
import type { Member } from "./members.ts";

const isRestricted = (config: Config): boolean => readKey(config, keys.restricted) ?? false;

/**
 * Whether a restricted project lets somebody do a thing that makes room run out: `snapshots` or `backups`.
 *
 * @throws {DreyError} `FORBIDDEN` if not
 */
export function mustPermit(project: string, config: Config, what: "snapshots" | "backups"): void {
  const key = what === "snapshots" ? keys.restrictedSnapshots : keys.restrictedBackups;
  if (!isRestricted(config) || readKey(config, key) === "allow") return;
  throw new DreyError("FORBIDDEN", {
    message: `Project "${project}" does not allow ${what}: ${key.name} is block`,
  });
}

/**
 * Holds an instance against the restrictions of its project.
 *
 * @throws {DreyError} `FORBIDDEN` naming the key or device and the restriction
 */
export function mustBeAllowed(project: string, config: Config, member: Member): void {
  if (!isRestricted(config)) return;
  const refuse = (what: string, rule: string): never => {
    throw new DreyError("FORBIDDEN", {
      message: `${
        member.type === "profile" ? "Profile" : "Instance"
      } "${member.name}" may not have ${what}: project "${project}" is restricted by ${rule}`,
    });
  };
  for (const [name, value] of Object.entries(member.config)) {
    const rule = value === "" ? undefined : keyRule(config, name, { value, member });
    if (rule !== undefined) refuse(`${name}=${value}`, rule);
  }
  const privilege = readKey(config, keys.restrictedPrivilege);
  const isIsolated = isTrue(member.config["security.idmap.isolated"] ?? "");
  if (member.type === "container" && privilege === "isolated" && !isIsolated) {
    refuse("ids it shares with others", `${keys.restrictedPrivilege.name}=isolated`);
  }
  for (const [name, device] of Object.entries(member.devices)) {
    const rule = deviceRule(config, device);
    if (rule !== undefined) refuse(`device "${name}" of type ${device["type"]}`, rule);
  }
}

const containerLow =
  /^(boot\.host_shutdown_timeout|linux\.kernel_modules.*|limits\.kernel\..*|limits\.memory\.swap|raw\.(apparmor|lxc|seccomp)|security\.(devlxd|guestapi)\.images|security\.idmap\.(base|size))$/;
const machineLow =
  /^(boot\.host_shutdown_timeout|limits\.memory\.hugepages|raw\.(apparmor|qemu|qemu\.conf))$/;
const isTrue = (value: string) => truthOf(value) === true;

/** The restriction that a setting breaks. */
function keyRule(
  config: Config,
  name: string,
  { value, member }: { value: string; member: Member },
): string | undefined {
  if (member.type === "profile") {
    // it may become that of either
    return keyRule(config, name, { value, member: { ...member, type: "container" } }) ??
      keyRule(config, name, { value, member: { ...member, type: "virtual-machine" } });
  }
  const blocks = (key: Key<"allow" | "block">) => readKey(config, key) === "allow" ? undefined : key.name;
  const isContainer = member.type === "container";
  if (name === "raw.idmap") return idmapRule(config, value, isContainer);
  if (!isContainer) return machineLow.test(name) ? blocks(keys.restrictedMachineLowlevel) : undefined;
  if (containerLow.test(name)) return blocks(keys.restrictedLowlevel);
  if (name === "security.nesting" && isTrue(value)) return blocks(keys.restrictedNesting);
  if (name.startsWith("security.syscalls.intercept.") && isTrue(value)) {
    return blocks(keys.restrictedInterception);
  }
  const mayRule = readKey(config, keys.restrictedPrivilege) === "allow";
  if (name === "security.privileged" && isTrue(value) && !mayRule) return keys.restrictedPrivilege.name;
  return undefined;
}

/** Ids of the host that may be mapped, if any are named; else it is one of the low-level settings. */
function idmapRule(config: Config, value: string, isContainer: boolean): string | undefined {
  const [uids, gids] = [config[keys.restrictedUids.name], config[keys.restrictedGids.name]];
  if (!uids && !gids) {
    const key = isContainer ? keys.restrictedLowlevel : keys.restrictedMachineLowlevel;
    return readKey(config, key) === "allow" ? undefined : key.name;
  }
  for (const line of value.split("\n").filter((text) => text.trim() !== "")) {
    const [kind = "", host = ""] = line.trim().split(/\s+/);
    if (kind !== "gid" && !covers(uids, host)) return keys.restrictedUids.name;
    if (kind !== "uid" && !covers(gids, host)) return keys.restrictedGids.name;
  }
  return undefined;
}

/** Whether ranges such as `1000,2000-2999` hold another one. */
function covers(ranges: string | undefined, wanted: string): boolean {
  const ends = (text: string) => {
    const [first = NaN, last = first] = text.trim().split("-").map(Number);
    return [first, last] as const;
  };
  const [from, to] = ends(wanted);
  // an empty word is the number 0 to JavaScript
  const isNumber = (text: string) => /^\d+(-\d+)?$/.test(text.trim());
  if (!isNumber(wanted)) return false;
  return (ranges ?? "").split(",").filter(isNumber).map(ends).some(([first, last]) =>
    from >= first && to <= last
  );
}

/** The restriction that a device breaks. */
function deviceRule(config: Config, device: Device): string | undefined {
  const type = device["type"] ?? "";
  if (type === "disk") return diskRule(config, device);
  if (type === "nic") return nicRule(config, device);
  const key = keys.restrictedDevices[type];
  if (key === undefined || readKey(config, key) === "allow") return undefined;
  return key.name;
}

/**
 * Whether a project may know of a network, which is the host's if it is not managed.
 *
 * @param config of the project
 */
export function maySeeNetwork(
  config: Config,
  { name, managed }: { name: string; managed: boolean },
): boolean {
  if (!isRestricted(config)) return true;
  const rule = readKey(config, keys.restrictedNic);
  if (rule === "block" || (rule === "managed" && !managed)) return false;
  const access = config[keys.restrictedNetworks.name];
  return !access || access.split(",").some((open) => open.trim() === name);
}

function diskRule(config: Config, device: Device): string | undefined {
  if (device["path"] === "/" && !device["source"]) return undefined;
  const rule = readKey(config, keys.restrictedDisk);
  if (rule === "block" || (rule === "managed" && !device["pool"])) return keys.restrictedDisk.name;
  const paths = diskPaths(config);
  if (paths === undefined || device["pool"]) return undefined;
  // no way up out of a directory that is allowed; where links lead is looked at when the disk is opened
  const source = join("/", device["source"] ?? "");
  const isBelow = paths.some((path) => path === "/" || `${source}/`.startsWith(`${path}/`));
  return isBelow ? undefined : keys.restrictedDiskPaths.name;
}

/** Directories of the host that sources of disks must be below; undefined where a project names none. */
export function diskPaths(config: Config): string[] | undefined {
  const paths = isRestricted(config) ? config[keys.restrictedDiskPaths.name] : undefined;
  if (!paths) return undefined;
  return paths.split(",").map((path) => join("/", path.trim()).replace(/(.)\/$/, "$1"));
}

function nicRule(config: Config, device: Device): string | undefined {
  const rule = readKey(config, keys.restrictedNic);
  if (rule === "block" || (rule === "managed" && !device["network"])) return keys.restrictedNic.name;
  const access = config[keys.restrictedNetworks.name];
  if (!access || !device["network"]) return undefined;
  const isOpen = access.split(",").some((name) => name.trim() === device["network"]);
  return isOpen ? undefined : keys.restrictedNetworks.name;
}
