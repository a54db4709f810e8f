// Devices of type `usb`: what is plugged into the host, as nodes below /dev/bus/usb.

import * as keys from "../../config/devices/usb.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Device } from "../../wire/instance.ts";
import { readUsb } from "../resources/bus.ts";
import { type HostTrees, realTrees } from "../resources/host.ts";
import type { DeviceSite, DeviceType } from "./device.ts";
import { type HostNode, nodeType } from "./host_node.ts";

/** The nodes of what is plugged in and fits a device. */
export function findUsb(device: Device, trees: HostTrees = realTrees): HostNode[] {
  const wanted = {
    vendor_id: readKey(device, keys.vendorid),
    product_id: readKey(device, keys.productid),
    bus_address: readKey(device, keys.busnum),
    device_address: readKey(device, keys.devnum),
    serial: readKey(device, keys.serial),
  };
  const nameless = () => ({ vendor: "", product: "" });
  return readUsb(trees, nameless).filter((found) =>
    Object.entries(wanted).every(([key, value]) =>
      value === undefined || found[key as keyof typeof wanted] === value
    )
  ).map(({ bus_address, device_address }) => {
    const digits = (number: number) => String(number).padStart(3, "0");
    const path = `/dev/bus/usb/${digits(bus_address)}/${digits(device_address)}`;
    return { source: path, path };
  });
}

function find({ name, device }: DeviceSite): HostNode[] {
  const found = findUsb(device);
  if (found.length > 0 || !readKey(device, keys.required)) return found;
  throw new DreyError("BAD_REQUEST", { message: `Device "${name}": no such USB device is plugged in` });
}

export const usb: DeviceType = nodeType(find);
