// The keys of graphics cards: which of the host's, by their numbers or by where they are.

import * as types from "../types.ts";
import { type DeviceConfig, deviceKey } from "./device_key.ts";
import { gid, mode, uid } from "./unix_node.ts";
import { productid, vendorid } from "./usb.ts";

/** A place on PCI, with its domain or without. */
export const pciAddress: types.ValueType<string> = {
  name: "string",
  wanted: "an address on PCI such as 0000:01:00.0",
  parse(text) {
    const found = /^(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(text.toLowerCase());
    return found === null
      ? { problem: `expected ${this.wanted}` }
      : { value: `${found[1] ?? "0000"}:${found[2]}` };
  },
};

export const gputype = deviceKey({
  name: "gputype",
  type: types.oneOf("physical", "mdev", "mig", "sriov"),
  live: false,
  default: "physical",
  short: "What is given: a whole card",
});
export const cardId = deviceKey({ name: "id", type: types.string, live: false, short: "Number of the card" });
export const pci = deviceKey({ name: "pci", type: pciAddress, live: false, short: "Address on PCI" });

export const gpu: DeviceConfig = {
  type: "gpu",
  short: "Graphics cards",
  keys: [gid, gputype, cardId, mode, pci, productid, uid, vendorid],
  toCome: ["mdev", "mig.ci", "mig.gi", "mig.uuid"],
  problem(device) {
    const kind = device["gputype"] || "physical";
    return kind === "physical"
      ? undefined
      : { kind: "later", found: `gputype "${kind}" is not supported: only whole cards are` };
  },
};
