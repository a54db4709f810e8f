// The machine as its firmware describes it, dmi(4); what only root may read stays empty for others.

import { readNumber, readValue } from "../../sys/sysfs.ts";
import type { SystemResources } from "../../wire/resources.ts";
import type { HostTrees } from "./host.ts";

/** Kinds of chassis by number, SMBIOS 3.6 table 17; the usual ones. */
const chassisTypes: Record<number, string> = {
  1: "Other",
  2: "Unknown",
  3: "Desktop",
  4: "Low Profile Desktop",
  7: "Tower",
  8: "Portable",
  9: "Laptop",
  10: "Notebook",
  11: "Hand Held",
  13: "All In One",
  17: "Main Server Chassis",
  23: "Rack Mount Chassis",
  25: "Multi-system",
  28: "Blade",
  30: "Tablet",
  31: "Convertible",
  35: "Mini PC",
};

/** What the firmware says of the machine; empty texts where it says nothing, or not to this user. */
export function readSystem({ sys, proc }: HostTrees): SystemResources {
  const dmi = (name: string) => readValue(`${sys}/class/dmi/id/${name}`);
  return {
    uuid: dmi("product_uuid"),
    vendor: dmi("sys_vendor"),
    product: dmi("product_name"),
    family: dmi("product_family"),
    version: dmi("product_version"),
    sku: dmi("product_sku"),
    serial: dmi("product_serial"),
    type: /^flags\s*:.*\bhypervisor\b/m.test(readValue(`${proc}/cpuinfo`)) ? "virtual-machine" : "physical",
    firmware: { vendor: dmi("bios_vendor"), date: dmi("bios_date"), version: dmi("bios_version") },
    chassis: {
      vendor: dmi("chassis_vendor"),
      type: chassisTypes[readNumber(`${sys}/class/dmi/id/chassis_type`)] ?? "",
      serial: dmi("chassis_serial"),
      version: dmi("chassis_version"),
    },
    motherboard: {
      vendor: dmi("board_vendor"),
      product: dmi("board_name"),
      serial: dmi("board_serial"),
      version: dmi("board_version"),
    },
  };
}
