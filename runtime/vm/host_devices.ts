// Devices of the host that a virtual machine is given: serial ports, what is plugged into USB, cards on PCI. Each is
// behind one of the machine's ports, or on a USB of its own. Pure but for what asks the running machine.

import { DreyError } from "../../errors.ts";
import { freePort, type Plug, removeBehind, unplug } from "./ports.ts";
import { type Monitor, openMonitor } from "./qmp.ts";

export type HostDevice =
  /** a terminal of the host's, a node of the box */
  | { kind: "serial"; id: string; path: string }
  /** a device on the host's USB, a node of the box */
  | { kind: "usb"; id: string; path: string }
  /** functions of one card on PCI, each an address such as `0000:01:00.0`, that vfio-pci drives */
  | { kind: "pci"; id: string; functions: string[] };

/** Id of the machine's USB, which is there once something is plugged into it. */
const usbBus = "usb";
const usbController = "qemu-xhci";

const deviceId = (id: string) => `host-${id}`;
const chardevId = (id: string) => `serial-${id}`;

/** Commands of the monitor that give a machine a device; `bus` is a free port, or the USB. */
function plugs(device: HostDevice, bus: string): Plug[] {
  const { id } = device;
  if (device.kind === "usb") {
    const driver = { driver: "usb-host", id: deviceId(id), hostdevice: device.path, bus: `${usbBus}.0` };
    return [["device_add", driver]];
  }
  if (device.kind === "pci") {
    const several = device.functions.length > 1;
    // the first function goes last: it is what makes the guest look for the others
    return device.functions.map((host, index) => ({
      driver: "vfio-pci",
      id: index === 0 ? deviceId(id) : `${deviceId(id)}.${index}`,
      host,
      bus,
      addr: `00.${index}`,
      ...(several && index === 0 ? { multifunction: true } : {}),
    })).toReversed().map((words): Plug => ["device_add", words]);
  }
  const backend = { type: "serial", data: { device: device.path } };
  return [
    ["chardev-add", { id: chardevId(id), backend }],
    ["device_add", { driver: "pci-serial", id: deviceId(id), chardev: chardevId(id), bus }],
  ];
}

/** Commands that the box runs before: QEMU looks for what is behind vfio-pci at a place of its own. */
export const hostDevicePrepare = (devices: readonly HostDevice[], files: string): string[][] =>
  devices.some(({ kind }) => kind === "pci") ? [["/usr/bin/ln", "-sfn", files, "/dev/vfio"]] : [];

/** Places on the machine's bus that devices take. */
export const portsFor = (devices: readonly HostDevice[]): number =>
  devices.filter(({ kind }) => kind !== "usb").length;

/** Words of QEMU's command line; `ports` are as many as {@link portsFor} says. */
export function hostDeviceWords(devices: readonly HostDevice[], ports: readonly string[]): string[] {
  const free = [...ports];
  return [
    ...(devices.some(({ kind }) => kind === "usb") ? ["-device", `${usbController},id=${usbBus}`] : []),
    ...devices.flatMap((device) => {
      const bus = device.kind === "usb" ? usbBus : free.shift() ?? "";
      return plugs(device, bus).flatMap(([command, words]) =>
        command === "chardev-add" && device.kind === "serial"
          ? ["-chardev", `serial,id=${String(words["id"])},path=${device.path.replaceAll(",", ",,")}`]
          : ["-device", JSON.stringify(words)]
      );
    }),
  ];
}

/** Gives a running machine a device. @throws {DreyError} `CONFLICT` without a place for it, `COMMAND_FAILED` */
export async function plugHostDevice(door: string, device: HostDevice): Promise<void> {
  using qmp = await openMonitor(door);
  if (device.kind === "usb" && !(await idsOf(qmp)).includes(usbBus)) {
    await qmp.execute("device_add", { driver: usbController, id: usbBus, bus: await freePort(qmp) });
  }
  const bus = device.kind === "usb" ? usbBus : await freePort(qmp);
  try {
    for (const [command, words] of plugs(device, bus)) await qmp.execute(command, words);
  } catch (error) {
    if (device.kind === "serial") await removeBehind(qmp, "chardev-remove", chardevId(device.id));
    throw error;
  }
}

/**
 * Takes all devices away whose ids begin so.
 *
 * @returns their ids
 * @throws {DreyError} `TIMEOUT` if the guest does not let one go
 */
export async function unplugHostDevices(
  door: string,
  kind: HostDevice["kind"],
  prefix: string,
): Promise<string[]> {
  using qmp = await openMonitor(door);
  const found = (await idsOf(qmp)).filter((id) => id.startsWith(deviceId(prefix)));
  for (const id of found) {
    if (kind === "usb") await unplugUsb(qmp, id);
    else await unplug(qmp, id);
    if (kind === "serial") {
      await removeBehind(qmp, "chardev-remove", chardevId(id.slice(deviceId("").length)));
    }
  }
  return found.map((id) => id.slice(deviceId("").length));
}

/** What is on USB is gone at once. */
async function unplugUsb(qmp: Monitor, id: string): Promise<void> {
  try {
    await qmp.execute("device_del", { id });
  } catch (error) {
    if (!(error instanceof DreyError && /not found/.test(error.message))) throw error;
  }
}

/** Ids of the devices that were given one. */
async function idsOf(qmp: Monitor): Promise<string[]> {
  const listed = await qmp.execute("qom-list", { path: "/machine/peripheral" }) as { name: string }[];
  return listed.map(({ name }) => name);
}
