// Cards on PCI for virtual machines: the host lets them go to vfio-pci, which lets a program have one, and takes them
// back. Only root can. Documentation/driver-api/vfio.rst, sysfs-bus-pci

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { endedMeanwhile, exists, readIfThere } from "../../sys/present.ts";
import { readNames, resolveLink } from "../../sys/sysfs.ts";

const driver = "vfio-pci";

const places = (sys: string) => join(sys, "bus/pci/devices");

/** All functions of the card that an address is one of, in their order. */
export function functionsOf(address: string, sys = "/sys"): string[] {
  const card = address.replace(/\.[0-7]$/, ".");
  return readNames(places(sys)).filter((name) => name.startsWith(card)).toSorted();
}

/**
 * The number of the group that functions are in, which the host can only give as a whole.
 *
 * @throws {DreyError} `NOT_FOUND` for a card that is not there, `NOT_SUPPORTED` where the host cannot, `CONFLICT` if
 * another device of the group is in use
 */
export function groupOf(functions: readonly string[], sys = "/sys"): string {
  const [first = ""] = functions;
  if (functions.length === 0 || !exists(join(places(sys), first))) {
    throw new DreyError("NOT_FOUND", { message: `The host has no device ${first} on PCI` });
  }
  const path = resolveLink(join(places(sys), first, "iommu_group"));
  if (path === "") {
    throw new DreyError("NOT_SUPPORTED", {
      message: `The host cannot keep the device ${first} off its own memory: no IOMMU is in use`,
      hint: "Switch it on in the firmware, and start the kernel with intel_iommu=on",
    });
  }
  const others = readNames(join(path, "devices")).filter((name) => !functions.includes(name));
  const busy = others.find((name) => isInUse(name, sys));
  if (busy === undefined) return path.split("/").at(-1) ?? "";
  throw new DreyError("CONFLICT", {
    message: `The device ${first} can only be given together with ${busy}, which the host uses`,
    hint: "They are in one group of the IOMMU; another slot may have one of its own",
  });
}

/** Bridges stay with the host, and what nobody drives, or vfio-pci does, is free. */
function isInUse(address: string, sys: string): boolean {
  const place = join(places(sys), address);
  if ((readIfThere(join(place, "class")) ?? "").startsWith("0x0604")) return false;
  const path = resolveLink(join(place, "driver"));
  return path !== "" && !path.endsWith(`/${driver}`);
}

/** Whether vfio-pci drives a function. */
export const isGiven = (address: string, sys = "/sys"): boolean =>
  resolveLink(join(places(sys), address, "driver")).endsWith(`/${driver}`);

/** Has vfio-pci drive a function. @throws {DreyError} `KERNEL_REFUSED` if it does not afterwards */
export function giveAway(address: string, sys = "/sys"): void {
  const place = join(places(sys), address);
  write(join(place, "driver_override"), driver);
  if (!isGiven(address, sys)) {
    if (exists(join(place, "driver"))) write(join(place, "driver/unbind"), address);
    write(join(sys, "bus/pci/drivers_probe"), address);
  }
  if (isGiven(address, sys)) return;
  throw new DreyError("KERNEL_REFUSED", {
    message: `Cannot give the device ${address} away: ${driver} does not take it`,
    hint: `Load the driver: modprobe ${driver}`,
  });
}

/** Has the host's own driver drive it again; a device that is gone stays so. */
export function takeBack(address: string, sys = "/sys"): void {
  const place = join(places(sys), address);
  if (!exists(place)) return;
  write(join(place, "driver_override"), "\n");
  if (isGiven(address, sys)) write(join(place, "driver/unbind"), address);
  write(join(sys, "bus/pci/drivers_probe"), address);
}

function write(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || endedMeanwhile(error, path)) return;
    throw new DreyError("KERNEL_REFUSED", {
      message: `Cannot write "${text.trim()}" to ${path}`,
      cause: error,
    });
  }
}
