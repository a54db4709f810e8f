// Devices of type `usb`: what is plugged into the host, as nodes below /dev/bus/usb.

import * as keys from "../../config/devices/usb.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Device } from "../../wire/instance.ts";
import { readUsb } from "../resources/bus.ts";
import { type HostTrees, realTrees } from "../resources/host.ts";
import type { IdMap } from "../../idmap/map.ts";
import { boxFiles } from "../../runtime/vm/box.ts";
import { byInstance } from "./by_instance.ts";
import type { DeviceSite, DeviceType, GivenDevice } from "./device.ts";
import { addGiven, givenId, removeGiven } from "./given.ts";
import { runningContainer } from "./running.ts";
import { boxNode } from "./machine_node.ts";
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

/** What is plugged in, for a machine's USB. */
function given(site: DeviceSite, map: IdMap): GivenDevice[] {
  return find(site).map(({ source }, index) => {
    const id = givenId(site.name, index);
    const node = boxNode(site, { source, kind: "char" }, map);
    return { device: { kind: "usb", id, path: `${boxFiles}/${id}` }, nodes: [{ name: id, ...node }] };
  });
}

const inMachines: Pick<DeviceType, "start" | "add" | "remove"> = {
  start(site) {
    const found = given(site, site.map);
    return found.length > 0 ? { given: found } : { warnings: [`nothing is there for device "${site.name}"`] };
  },
  add: async (site) => await addGiven(site, given(site, runningContainer(site).map)),
  remove: async (site) => await removeGiven(site, "usb"),
};

export const usb: DeviceType = byInstance(nodeType(find), () => inMachines);
