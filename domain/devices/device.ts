// What a type of devices does for an instance: what it adds to a start, what it undoes after the end, and what it can
// do while the instance runs. A file per type beside this one; domain/devices.ts finds them.

import type { IdMap } from "../../idmap/map.ts";
import type { BoxFile, ContainerPlan } from "../../runtime/container_plan.ts";
import type { Step } from "../../runtime/steps.ts";
import type { DriveBus, DriveCache } from "../../runtime/vm/drives.ts";
import type { Nic } from "../../runtime/vm/nics.ts";
import type { HostDevice } from "../../runtime/vm/host_devices.ts";
import type { Config, Device, Devices, InstanceType } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";

/** One device of one instance. */
export interface DeviceSite {
  context: Context;
  /** the instance */
  ref: Ref;
  /** what the device is called there */
  name: string;
  /** what it says, validated */
  device: Device;
  /** expanded configuration of the instance; `volatile.NAME.*` is what the device remembers of itself */
  config: Config;
}

/** A device that an instance is to have. */
export interface CheckSite extends Omit<DeviceSite, "config"> {
  /** of an instance that is not there yet */
  type?: InstanceType;
  /** all devices the instance is to have, with those of its profiles */
  devices: Devices;
  /** whether others may bear the same addresses: it is a copy, which does not run yet, or was like this before */
  mayShare: boolean;
}

/** A device of an instance that is about to start. */
export interface StartSite extends DeviceSite {
  type: InstanceType;
  /** all devices of the instance */
  devices: Devices;
  /** the container's ids */
  map: IdMap;
}

/** A device of an instance that runs. */
export interface LiveSite extends DeviceSite {
  type: InstanceType;
  /** all devices it shall have */
  devices: Devices;
  /** host pid of the instance's init */
  pid: number;
}

/** What a device adds to the start of its instance. Steps are data: nothing happens before the start walks them. */
export interface StartParts {
  /** paths of the host that `outer` reads */
  reads?: readonly string[];
  /** steps in the parent namespace, as root of all the user's ids; `root` is where the container's root stands */
  outer?(root: string): Step[];
  /** steps as the container's root, with its own /proc, /sys and /dev at `root` and the host's files still there */
  inner?(root: string): Step[];
  /** the same after `attach` has done its part */
  settled?(root: string): Step[];
  /** whether the instance is in the network namespace that it is started from */
  sharesNetwork?: boolean;
  /** device nodes of the host to show, as paths below /dev; they must be there */
  deviceNodes?: readonly string[];
  /**
   * what takes a while and needs no container, done beside its building; `parent` is a way into the namespace
   * above it, absent for root
   */
  prepare?(parent: ContainerPlan["ids"]["parent"]): Promise<void>;
  /** reaches into the built container from outside before its init runs; `pid` is its first process on the host */
  attach?(pid: number): Promise<void>;
  /** for a NIC: the interface it has become, once `prepare` is done; undefined if it has become none */
  nic?(): Nic | undefined;
  /** for the TPM of a virtual machine */
  isTpm?: boolean;
  /** for what a virtual machine sees as a drive */
  drive?: MachineDrive;
  /** for a device of the host that a virtual machine is given, with the nodes that its box shows for it */
  given?: GivenDevice[];
  /** takes from the host what a machine is given, just before its box is built; gives nodes that only come to be then */
  give?(): BoxFile[];
  /** keys to keep in the instance's configuration; a device's start with `volatile.NAME.` */
  volatile?: Config;
  /** why something is less than it could be, for people; `prepare` may still find something */
  warnings?: readonly string[];
}

/** A device of the host in a virtual machine. */
export interface GivenDevice {
  device: HostDevice;
  nodes: BoxFile[];
}

/** A file of the host, or a node, that is a drive of a virtual machine. */
export interface MachineDrive {
  /** of the device */
  name: string;
  source: string;
  /** device and inode the source had when it was looked at, where it is the host's */
  id?: string;
  content: "block" | "iso";
  /** for a block device */
  node?: BoxFile["node"];
  isReadOnly?: boolean;
  bus: DriveBus;
  cache: DriveCache;
  /** among what the firmware tries, the highest first */
  priority: number;
}

export interface DeviceType {
  /**
   * what the device adds to a start. It only looks; what it may have done by `prepare` or `attach` is undone by
   * `stopped`, which also follows a start that failed
   *
   * @throws {DreyError} if the device cannot be given
   */
  start(site: StartSite): Promise<StartParts> | StartParts;
  /** undoes what the kernel does not undo with the last process; may find nothing to do, or half of it */
  stopped?(site: DeviceSite): Promise<void> | void;
  /** gives a running instance the device; without it, a new device counts from the next start */
  add?(site: LiveSite): Promise<LiveResult | void>;
  /** takes it away again */
  remove?(site: LiveSite): Promise<LiveResult | void>;
  /**
   * changes it in place, and says whether it could; what cannot be changed so is removed and added. `before` is what
   * the device said until now
   */
  change?(site: LiveSite, before: Device): Promise<boolean>;
  /**
   * holds a device of an instance against what else there is; `config/devices/` has seen to the rest
   *
   * @throws {DreyError} `BAD_REQUEST`, `NOT_FOUND`
   */
  check?(site: CheckSite): Promise<void>;
}

/** What a change at run time leaves behind. */
export interface LiveResult {
  /** keys to keep in the instance's configuration */
  volatile?: Config;
}
