// The keys of USB devices, which are found by what they say of themselves or by where they are plugged in.

import * as types from "../types.ts";
import { type DeviceConfig, deviceKey } from "./device_key.ts";
import { gid, mode, uid } from "./unix_node.ts";

/** Four digits of a vendor's or product's number, on USB and PCI. */
export const hexNumber: types.ValueType<string> = {
  name: "string",
  wanted: "four hexadecimal digits such as 1d6b",
  parse: (text) =>
    /^[0-9a-fA-F]{4}$/.test(text)
      ? { value: text.toLowerCase() }
      : { problem: "expected four hexadecimal digits such as 1d6b" },
};

const place = types.integer({ min: 1, max: 999 });

export const vendorid = deviceKey({
  name: "vendorid",
  type: hexNumber,
  live: false,
  short: "Number of the vendor",
});
export const productid = deviceKey({
  name: "productid",
  type: hexNumber,
  live: false,
  short: "Number of the product",
});
export const busnum = deviceKey({
  name: "busnum",
  type: place,
  live: false,
  short: "Bus that it is plugged into",
});
export const devnum = deviceKey({ name: "devnum", type: place, live: false, short: "Its number on the bus" });
export const serial = deviceKey({ name: "serial", type: types.string, live: false, short: "Serial number" });
export const required = deviceKey({
  name: "required",
  type: types.bool,
  live: false,
  default: "false",
  short: "Whether the instance may not start while none is plugged in",
});

export const usb: DeviceConfig = {
  type: "usb",
  short: "Devices on USB",
  keys: [busnum, devnum, gid, mode, productid, required, serial, uid, vendorid],
  toCome: [],
};
