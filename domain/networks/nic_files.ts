// The NICs that are plugged in: a file each in the run directory, by which it can be plugged in again, its
// rules found, and the hub told that somebody needs it.

import { join } from "@std/path";
import type { NicRules } from "../../network/firewall.ts";
import type { Announced, VethPlan } from "../../network/links.ts";
import { exists, namesIn, readJsonIfThere, removeIfThere } from "../../sys/present.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { directoryName } from "../instances/record.ts";

export interface PluggedNic {
  /** the instance */
  ref: Ref;
  /** the device */
  device: string;
  /** managed network it is on */
  network: string | undefined;
  veth: VethPlan;
  rules: NicRules;
  /** `bytes` per second it may be sent */
  ingress: number | undefined;
  /** routes to what lies behind it: `10.5.0.0/24 via 10.0.0.5 dev br0` */
  routes: readonly string[];
  /** lines of `ip -batch` for the outer end, and, as arguments, for the interface in the instance */
  outer: readonly string[];
  inner: readonly string[];
  /** addresses that an interface of the host answers for */
  announced?: Announced;
  /** what the device says about access control */
  acls: Config;
  /** whether it or its network names any access control list */
  obeysAcls: boolean;
  /** what dnsmasq is told of it: a line of its file of hosts */
  host: string | undefined;
}

/** Where the hub is. */
export const hubDirectory = (context: Context): string => join(context.paths.run, "network");

/** Whether something of a hub is there, be it only what a killed drey has left; one look-up. */
export const hasHub = (context: Context): boolean => exists(hubDirectory(context));

const directory = (context: Context) => join(context.paths.run, "nics");

/** Where the relays of ports are kept. */
export const relayDirectory = (context: Context): string => join(context.paths.run, "relays");

/** Name of a NIC's file, and of what dnsmasq is told of it. */
export const nicName = (ref: Ref, device: string): string =>
  `${directoryName(ref)}.${encodeURIComponent(device)}`;

/** Notes that a NIC is plugged in, or about to be. */
export function writeNic(context: Context, nic: PluggedNic): void {
  Deno.mkdirSync(directory(context), { recursive: true, mode: 0o700 });
  const path = join(directory(context), nicName(nic.ref, nic.device));
  // renamed into place, so that nobody reads half of it
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(nic));
  Deno.renameSync(`${path}.new`, path);
}

/** Forgets a NIC. */
export function removeNic(context: Context, ref: Ref, device: string): void {
  removeIfThere(join(directory(context), nicName(ref, device)));
}

/** What was noted of a NIC; undefined if it is not plugged in. */
export function readNic(context: Context, ref: Ref, device: string): PluggedNic | undefined {
  return read(join(directory(context), nicName(ref, device)));
}

const read = (path: string): PluggedNic | undefined => readJsonIfThere<PluggedNic>(path);

/** Whether any NIC is plugged in; a look into one directory. */
export const hasNics = (context: Context): boolean => nicFiles(context).length > 0;

const nicFiles = (context: Context) => namesIn(directory(context)).filter((name) => !name.endsWith(".new"));

/** All NICs that are plugged in. */
export function pluggedNics(context: Context): PluggedNic[] {
  return nicFiles(context).flatMap((name) => read(join(directory(context), name)) ?? []);
}

/** The NICs of one instance that are plugged in. */
export function nicsOf(context: Context, ref: Ref): PluggedNic[] {
  const own = `${directoryName(ref)}.`;
  return nicFiles(context).filter((name) => name.startsWith(own)).flatMap((name) =>
    read(join(directory(context), name)) ?? []
  ).filter((nic) => nic.ref.project === ref.project && nic.ref.name === ref.name);
}
