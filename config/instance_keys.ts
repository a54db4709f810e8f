// The configuration keys of instances and profiles: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import type { InstanceType } from "../wire/instance.ts";
import { environment } from "./environment_key.ts";
import { findKey, type Key, key, unknownKeyOf, type Values } from "./key.ts";
import { rawIdmap as idmapType } from "./raw_idmap.ts";
import { limitsKernel, linuxSysctl, sysctlPath } from "./kernel_keys.ts";
import { syscallKeys } from "./syscall_keys.ts";
import * as types from "./types.ts";

const containers = ["container"] as const;
const all = ["container", "virtual-machine"] as const;

export const limitsCpu = key({
  name: "limits.cpu",
  on: all,
  type: types.cpus,
  live: true,
  short: "Processors the instance may use: how many, or which",
});
export const limitsCpuAllowance = key({
  name: "limits.cpu.allowance",
  on: containers,
  type: types.allowance,
  live: true,
  short: "Processor time: a share under contention, or a hard limit per period",
});
export const limitsMemory = key({
  name: "limits.memory",
  on: all,
  type: types.memory,
  live: true,
  short: "Memory the instance may use",
});
export const limitsMemoryEnforce = key({
  name: "limits.memory.enforce",
  on: containers,
  type: types.oneOf("hard", "soft"),
  live: true,
  default: "hard",
  short: "Whether the memory limit is firm, or holds only while the host is short of memory",
});
export const limitsMemoryHugepages = key({
  name: "limits.memory.hugepages",
  on: ["virtual-machine"],
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether the memory of a virtual machine is in huge pages, which the host must have set aside",
});
export const limitsMemorySwap = key({
  name: "limits.memory.swap",
  on: containers,
  type: types.bool,
  live: true,
  default: "true",
  short: "Whether memory of the instance may be swapped out",
});
export const limitsProcesses = key({
  name: "limits.processes",
  on: containers,
  type: types.integer({ min: 1 }),
  live: true,
  short: "Processes that may exist in the instance at once",
});
export const idmapIsolated = key({
  name: "security.idmap.isolated",
  on: containers,
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether the instance has ids that no other instance has",
});
export const idmapSize = key({
  name: "security.idmap.size",
  on: containers,
  type: types.integer({ min: 1, max: 0xffff_ffff }),
  live: false,
  short: "Number of ids of an instance with ids of its own",
});
export const idmapBase = key({
  name: "security.idmap.base",
  on: containers,
  type: types.integer({ min: 1, max: 0xffff_ffff }),
  live: false,
  short: "First host id of an instance with ids of its own",
});
export const securityNesting = key({
  name: "security.nesting",
  on: containers,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether containers may run inside the instance",
});
export const securityDevlxd = key({
  name: "security.devlxd",
  on: all,
  type: types.bool,
  live: false,
  default: "true",
  short: "Whether the instance finds /dev/lxd/sock, where it learns of itself",
});
export const securityDevlxdImages = key({
  name: "security.devlxd.images",
  on: all,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the instance may fetch public and cached images over /dev/lxd/sock",
});
export const protectionDelete = key({
  name: "security.protection.delete",
  on: all,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the instance cannot be deleted",
});
export const protectionShift = key({
  name: "security.protection.shift",
  on: containers,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the files keep their owners at a start; drey never changes them",
});
export const protectionStart = key({
  name: "security.protection.start",
  on: all,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the instance cannot be started",
});
export const autostart = key({
  name: "boot.autostart",
  on: all,
  type: types.bool,
  live: true,
  short: "Whether the instance starts with the first server after a start of the host; as it was, if unset",
});
export const autostartDelay = key({
  name: "boot.autostart.delay",
  on: all,
  type: types.integer({ min: 0 }),
  live: true,
  default: "0",
  short: "Seconds between this start and the next",
});
export const autostartPriority = key({
  name: "boot.autostart.priority",
  on: all,
  type: types.integer(),
  live: true,
  default: "0",
  short: "The higher, the earlier the instance starts",
});
export const securityPrivileged = key({
  name: "security.privileged",
  on: containers,
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether root in the instance is root on the host; drey only takes false",
});
export const securitySecureboot = key({
  name: "security.secureboot",
  on: ["virtual-machine"],
  type: types.bool,
  live: false,
  default: "true",
  short: "Whether the firmware of a machine with a disk of its own runs only what is signed",
});
export const securityCsm = key({
  name: "security.csm",
  on: ["virtual-machine"],
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether a machine with a disk of its own has a BIOS in place of UEFI; without security.secureboot",
});
export const migrationStateful = key({
  name: "migration.stateful",
  on: ["virtual-machine"],
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the memory of a machine may be kept, by stops and snapshots; its root is then a disk",
});

export const rawIdmap = key({
  name: "raw.idmap",
  // LXD's is for containers; drey's machines share directories with the host just like them
  on: all,
  type: idmapType,
  live: false,
  short: "Ids of the host that ids of the instance stand for, such as both 1000 1000",
});
export const hostShutdownTimeout = key({
  name: "boot.host_shutdown_timeout",
  on: all,
  type: types.integer({ min: 0 }),
  live: true,
  default: "30",
  short: "Seconds the instance is given for a clean end",
});
export const snapshotsExpiry = key({
  name: "snapshots.expiry",
  on: all,
  type: types.expiry,
  live: true,
  short: "How long snapshots are kept, as in 1M 2H 3d 4w 5m 6y",
});
export const snapshotsExpiryManual = key({
  name: "snapshots.expiry.manual",
  on: all,
  type: types.expiry,
  live: true,
  short: "The same for snapshots that are taken by hand, if it differs for them",
});
export const snapshotsPattern = key({
  name: "snapshots.pattern",
  on: all,
  type: types.string,
  live: true,
  default: "snap%d",
  short: "Names of snapshots: %d counts, {{ creation_date|date:'2006-01-02' }} is the day",
});
export const snapshotsSchedule = key({
  name: "snapshots.schedule",
  on: all,
  type: types.schedule,
  live: true,
  short: "When snapshots are taken: five fields of cron, or @hourly, @daily, @startup and so on",
});
export const snapshotsScheduleStopped = key({
  name: "snapshots.schedule.stopped",
  on: all,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the schedule also holds while the instance is stopped",
});
export const cloudInitUserData = key({
  name: "cloud-init.user-data",
  on: all,
  type: types.string,
  live: true,
  short: "What cloud-init in the instance is to do, for its owner",
});
export const cloudInitVendorData = key({
  name: "cloud-init.vendor-data",
  on: all,
  type: types.string,
  live: true,
  short: "What cloud-init in the instance is to do, for whoever runs it",
});
export const cloudInitNetworkConfig = key({
  name: "cloud-init.network-config",
  on: all,
  type: types.string,
  live: true,
  short: "How cloud-init in the instance is to set up its network, in YAML",
});
export const user = key({
  name: "user.*",
  on: all,
  type: types.string,
  live: true,
  short: "Anything, for people and scripts; the instance itself can read it",
});
export const autorestart = key({
  name: "boot.autorestart",
  on: containers,
  type: types.bool,
  live: true,
  default: "false",
  short: "Whether the instance starts again when it ends by itself, ten times a minute at most",
});
export const ociEntrypoint = key({
  name: "oci.entrypoint",
  on: containers,
  type: types.string,
  live: false,
  short: "Command an application container runs, as a shell would read it",
});
export const ociCwd = key({
  name: "oci.cwd",
  on: containers,
  type: types.string,
  live: false,
  default: "/",
  short: "Directory the command begins in",
});
export const ociUid = key({
  name: "oci.uid",
  on: containers,
  type: types.integer({ min: 0, max: 0xffff_fffe }),
  live: false,
  default: "0",
  short: "User the command runs as",
});
export const ociGid = key({
  name: "oci.gid",
  on: containers,
  type: types.integer({ min: 0, max: 0xffff_fffe }),
  live: false,
  default: "0",
  short: "Group the command runs as",
});
export const ociStopSignal = key({
  name: "oci.stop_signal",
  on: containers,
  type: types.string,
  live: false,
  default: "SIGTERM",
  short: "Signal that asks the command to end",
});
export const image = key({
  name: "image.*",
  on: all,
  type: types.string,
  live: true,
  short: "Property copied from the image the instance was made of",
  internal: true,
});
export const volatile = key({
  name: "volatile.*",
  on: all,
  type: types.string,
  live: true,
  short: "What drey remembers about the instance",
  internal: true,
});

const noted = { on: all, live: true, internal: true } as const;
export const volatileUuid = key({
  ...noted,
  name: "volatile.uuid",
  type: types.uuid,
  short: "What the instance is known by, whatever its name",
});
export const volatileCloudInit = key({
  ...noted,
  name: "volatile.cloud-init.instance-id",
  type: types.uuid,
  short: "What cloud-init knows the instance by",
});
export const volatileVsock = key({
  ...noted,
  name: "volatile.vsock_id",
  type: types.integer({ min: 0, max: 0xffff_fffe }),
  short: "Number of the virtual machine's socket",
});

/** Every key drey obeys, in the order of the reference page. */
export const instanceKeys: readonly Key[] = [
  autostart,
  autostartDelay,
  autostartPriority,
  autorestart,
  hostShutdownTimeout,
  cloudInitNetworkConfig,
  cloudInitUserData,
  cloudInitVendorData,
  environment,
  image,
  limitsCpu,
  limitsCpuAllowance,
  limitsMemory,
  limitsMemoryEnforce,
  limitsMemoryHugepages,
  limitsMemorySwap,
  limitsProcesses,
  ...limitsKernel,
  linuxSysctl,
  securitySecureboot,
  migrationStateful,
  securityCsm,
  rawIdmap,
  idmapBase,
  idmapIsolated,
  idmapSize,
  ociCwd,
  ociEntrypoint,
  ociGid,
  ociStopSignal,
  ociUid,
  securityDevlxd,
  securityDevlxdImages,
  securityNesting,
  securityPrivileged,
  protectionDelete,
  protectionShift,
  protectionStart,
  snapshotsExpiry,
  snapshotsExpiryManual,
  snapshotsPattern,
  snapshotsSchedule,
  snapshotsScheduleStopped,
  ...syscallKeys,
  user,
  volatileUuid,
  volatileCloudInit,
  volatileVsock,
  volatile,
];

/** LXD's keys that drey does not obey yet: setting one is refused by name, so that nobody counts on it. */
export const instanceKeysToCome: readonly string[] = [
  "agent.nic_config",
  "boot.debug_edk2",
  "boot.mode",
  "boot.stop.priority",
  "cloud-init.ssh-keys.*",
  "cluster.evacuate",
  "limits.cpu.nodes",
  "limits.cpu.pin_strategy",
  "limits.cpu.priority",
  "limits.disk.priority",
  "limits.hugepages.*",
  "limits.max_bus_ports",
  "limits.memory.swap.priority",
  "limits.network.priority",
  "linux.kernel_modules",
  "linux.kernel_modules.load",
  "migration.incremental.memory",
  "migration.incremental.memory.goal",
  "migration.incremental.memory.iterations",
  "nvidia.*",
  "placement.group",
  "raw.apparmor",
  "raw.lxc",
  "raw.qemu",
  "raw.qemu.conf",
  "raw.seccomp",
  "security.agent.metrics",
  "security.delegate_bpf",
  "security.delegate_bpf.*",
  "security.devlxd.management.volumes",
  "security.sev",
  "security.sev.*",
  "security.syscalls.intercept.*",
  "ubuntu_pro.guest_attach",
];

/**
 * Holds the configuration of an instance against the table. An empty value is an unset key and always passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key
 * of LXD that drey does not obey yet
 */
export function validateInstanceConfig(config: Values, type: InstanceType): void {
  for (const [name, value] of Object.entries(config)) validateKey(name, value, [type]);
}

/**
 * The same for a profile, which may serve both types of instances and holds nothing drey writes by itself.
 *
 * @throws {DreyError} as {@link validateInstanceConfig}
 */
export function validateProfileConfig(config: Values): void {
  for (const [name, value] of Object.entries(config)) {
    const row = findKey(instanceKeys, name);
    if (row?.internal) throw bad(`Configuration key "${name}" can only be set on instances`);
    validateKey(name, value, all);
  }
}

function validateKey(name: string, value: string, types: readonly InstanceType[]): void {
  const row = findKey(instanceKeys, name);
  if (row === undefined) throw unknownKey(name);
  if (!types.some((type) => row.on.includes(type))) {
    throw bad(`Configuration key "${name}" is not for a ${types.join(" or ")}`);
  }
  // environment(7): a name ends at the first "="
  if (row === environment && name.includes("=")) throw bad(`Unknown configuration key: ${name}`);
  if (row === linuxSysctl && sysctlPath(name) === undefined) throw bad(`"${name}" names no kernel parameter`);
  if (value === "") return;
  if (value.includes("\0")) throw bad(`Invalid value for "${name}": it holds a zero byte`);
  if (row === environment) mustFitEnvironment(name, value);
  const parsed = row.type.parse(value);
  if ("problem" in parsed) throw bad(`Invalid value for "${name}": ${parsed.problem}, got "${value}"`);
  if (row === securityPrivileged && parsed.value === true) throw privileged();
}

/** `bytes` of a variable with its name that Linux hands on: MAX_ARG_STRLEN without its end, execve(2), and drey's marks */
const longestVariable = 32 * 4096 - 3;

function mustFitEnvironment(name: string, value: string): void {
  const size = new TextEncoder().encode(`${name.slice("environment.".length)}=${value}`).length;
  if (size <= longestVariable) return;
  throw bad(
    `Invalid value for "${name}": a variable may have ${longestVariable} bytes with its name, ` +
      `as many as the kernel takes (MAX_ARG_STRLEN of execve(2)), and this one has ${size}`,
  );
}

/** LXD's keys that drey will not obey, with the reason that whoever sets one is told. */
const never: readonly [key: string, why: string][] = [
  ["raw.lxc", "drey builds containers without LXC"],
  ["raw.apparmor", "drey loads no AppArmor profiles, which takes a right that users do not have"],
  ["raw.seccomp", "drey reads no policies of LXC's; security.syscalls.deny and allow take their rules"],
  ["security.syscalls.intercept.", "drey has nobody beside a container who could answer its system calls"],
];

function unknownKey(name: string): DreyError {
  const refused = never.find(([key]) => key.endsWith(".") ? name.startsWith(key) : name === key);
  if (refused !== undefined) {
    return new DreyError("NOT_SUPPORTED", {
      message: `Configuration key "${name}" is not supported: ${refused[1]}`,
    });
  }
  const isToCome = instanceKeysToCome.some((known) =>
    known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
  );
  if (!isToCome) return unknownKeyOf(instanceKeys, name);
  return new DreyError("NOT_SUPPORTED", { message: `Configuration key "${name}" is not supported yet` });
}

function privileged(): DreyError {
  return new DreyError("NOT_SUPPORTED", {
    message: "Privileged containers are not supported: root in a container is never root on the host",
    hint: "Unset security.privileged",
  });
}

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
