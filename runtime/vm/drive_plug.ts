// Drives that come to a virtual machine while it runs, and go.

import { DreyError } from "../../errors.ts";
import {
  type Drive,
  driveDevice,
  driveDeviceId,
  driveNode,
  isScsi,
  scsiBus,
  scsiController,
} from "./drives.ts";
import { freePort } from "./ports.ts";
import { type Monitor, openMonitor } from "./qmp.ts";

/** `milliseconds` a guest is given to let a drive go */
const patience = 60_000;

/** Gives a machine a drive, whose file is in its box. @throws {DreyError} `CONFLICT` without a place for it */
export async function plugDrive(door: string, drive: Drive): Promise<void> {
  using qmp = await openMonitor(door);
  const onScsi = isScsi(drive);
  if (onScsi && !(await devices(qmp)).includes(scsiController.id)) {
    await qmp.execute("device_add", { ...scsiController, bus: await freePort(qmp) });
  }
  const bus = onScsi ? scsiBus : await freePort(qmp);
  await qmp.execute("blockdev-add", driveNode(drive));
  try {
    await qmp.execute("device_add", driveDevice(drive, bus));
  } catch (error) {
    await qmp.execute("blockdev-del", { "node-name": drive.id });
    throw error;
  }
}

/** Takes a drive away; nothing happens if there is none. @throws {DreyError} `TIMEOUT` if the guest does not let it go */
export async function unplugDrive(door: string, id: string): Promise<void> {
  using qmp = await openMonitor(door);
  const device = driveDeviceId(id);
  for (const end = Date.now() + patience; (await devices(qmp)).includes(device);) {
    if (Date.now() > end) {
      throw new DreyError("TIMEOUT", {
        message: "Cannot take a drive from the virtual machine: its guest does not let it go",
        hint: "Stop it first",
      });
    }
    await ignoring(qmp.execute("device_del", { id: device }), /process of unplug|not found/);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // what stood behind it is let go some time after it
  for (const end = Date.now() + patience;;) {
    const isBusy = await ignoring(qmp.execute("blockdev-del", { "node-name": id }), /in use|Failed to find/);
    if (isBusy === undefined || /Failed to find/.test(isBusy)) return;
    if (Date.now() > end) throw new DreyError("TIMEOUT", { message: `Cannot close a drive: ${isBusy}` });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ids of the devices that were given one. */
async function devices(qmp: Monitor): Promise<string[]> {
  const listed = await qmp.execute("qom-list", { path: "/machine/peripheral" }) as { name: string }[];
  return listed.map(({ name }) => name);
}

/** What a command was refused with, if that was to be expected. */
async function ignoring(done: Promise<unknown>, expected: RegExp): Promise<string | undefined> {
  try {
    await done;
    return undefined;
  } catch (error) {
    if (error instanceof DreyError && expected.test(error.message)) return error.message;
    throw error;
  }
}
