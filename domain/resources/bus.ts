// Devices on PCI and USB, with the names that pci.ids and usb.ids have for them where the host has those files.

import { linkName, readNames, readNumber, readValue, resolveLink } from "../../sys/sysfs.ts";
import type { BusDevice, PciDevice, UsbDevice } from "../../wire/resources.ts";
import type { HostTrees } from "./host.ts";

export type Names = (vendor: string, product: string) => { vendor: string; product: string };

/** The names in an ids file; `""` for what it does not know. */
export function readNamesFile(path: string): Names {
  const text = readValue(path);
  return (vendor, product) => {
    const start = text.search(new RegExp(`^${vendor}  `, "m"));
    if (start < 0 || !/^[0-9a-f]{4}$/.test(vendor)) return { vendor: "", product: "" };
    const [first = "", ...rest] = text.slice(start).split(/\n(?=[0-9a-fC])/, 1)[0]?.split("\n") ?? [];
    const line = rest.find((line) => line.startsWith(`\t${product}  `));
    return { vendor: first.slice(6), product: line?.slice(7) ?? "" };
  };
}

/** What the device behind a directory of /sys says of itself. */
export function readBusDevice(path: string, names: Names): BusDevice {
  const id = (name: string) => readValue(`${path}/${name}`).replace(/^0x/, "");
  const [vendor_id, product_id] = [id("vendor"), id("device")];
  return { ...readDriver(path), ...names(vendor_id, product_id), vendor_id, product_id };
}

function readDriver(path: string): { driver: string; driver_version: string } {
  const driver = linkName(`${path}/driver`);
  const version = readValue(`${path}/driver/module/version`);
  // a driver of the kernel's own tree has no version but the kernel's
  return { driver, driver_version: driver === "" ? "" : version || Deno.osRelease() };
}

/** The PCI address in the path of a device, the last one: that of the device and not of its bridge. */
export function pciAddressOf(path: string): string | undefined {
  return resolveLink(path).match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]/g)?.at(-1);
}

/** A NUMA node; the kernel says -1 where there is but one. */
export const numaNodeOf = (path: string): number => Math.max(0, readNumber(`${path}/numa_node`));

/** Every device on the PCI bus. */
export function readPci({ sys }: HostTrees, names: Names): PciDevice[] {
  const base = `${sys}/bus/pci/devices`;
  return readNames(base).map((pci_address) => {
    const path = `${base}/${pci_address}`;
    const iommu_group = Number(linkName(`${path}/iommu_group`) || 0);
    return { ...readBusDevice(path, names), pci_address, iommu_group, numa_node: numaNodeOf(path) };
  });
}

/** vendor of the hubs that the kernel itself stands for */
const linuxFoundation = "1d6b";

/** Every device on a USB bus, without the kernel's own hubs. */
export function readUsb({ sys }: HostTrees, names: Names): UsbDevice[] {
  const base = `${sys}/bus/usb/devices`;
  return readNames(base).filter((name) => !name.includes(":")).flatMap((name) => {
    const path = `${base}/${name}`;
    const [vendor_id, product_id] = [readValue(`${path}/idVendor`), readValue(`${path}/idProduct`)];
    if (vendor_id === "" || vendor_id === linuxFoundation) return [];
    const known = names(vendor_id, product_id);
    return [{
      bus_address: readNumber(`${path}/busnum`),
      device_address: readNumber(`${path}/devnum`),
      interfaces: readNames(path).filter((part) => part.startsWith(`${name}:`)).map((part) =>
        readInterface(`${path}/${part}`)
      ),
      vendor: known.vendor || readValue(`${path}/manufacturer`),
      vendor_id,
      product: known.product || readValue(`${path}/product`),
      product_id,
      serial: readValue(`${path}/serial`),
      speed: readNumber(`${path}/speed`),
    }];
  });
}

function readInterface(path: string): UsbDevice["interfaces"][number] {
  const hex = (name: string) => parseInt(readValue(`${path}/${name}`) || "0", 16);
  return {
    number: hex("bInterfaceNumber"),
    class: "",
    class_id: hex("bInterfaceClass"),
    subclass: "",
    subclass_id: hex("bInterfaceSubClass"),
    ...readDriver(path),
  };
}
