// Devices of type `pci`, and graphics cards of virtual machines: cards that the host lets go. Only root can, with an
// IOMMU.

import { join } from "@std/path";
import * as gpuKeys from "../../config/devices/gpu.ts";
import * as keys from "../../config/devices/pci.ts";
import { productid, vendorid } from "../../config/devices/usb.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { functionsOf, giveAway, groupOf, isGiven, takeBack } from "../../runtime/vm/vfio.ts";
import { readIfThere } from "../../sys/present.ts";
import { readNames, readValue } from "../../sys/sysfs.ts";
import type { Device } from "../../wire/instance.ts";
import { instancePaths } from "../instances/record.ts";
import { readGpus } from "../resources/cards.ts";
import { type HostTrees, realTrees } from "../resources/host.ts";
import type { DeviceSite, DeviceType, LiveSite, StartParts, StartSite } from "./device.ts";
import { givenId } from "./given.ts";
import { boxNode } from "./machine_node.ts";

export const pci: DeviceType = cards((device) => {
  const address = readKey(device, keys.address);
  return address === undefined ? [] : [[address]];
});

/** Graphics cards of a virtual machine, each with all that is on it, such as its sound. */
export const machineGpu: DeviceType = cards((device) =>
  findCards(device).map((address) => functionsOf(address))
);

/** Addresses of the graphics cards that fit a device, whoever drives them. */
export function findCards(device: Device, trees: HostTrees = realTrees): string[] {
  const base = `${trees.sys}/bus/pci/devices`;
  const hex = (address: string, file: string) => readValue(`${base}/${address}/${file}`).replace(/^0x/, "");
  const wanted = { vendor: readKey(device, vendorid), device: readKey(device, productid) };
  const [place, id] = [readKey(device, gpuKeys.pci), readKey(device, gpuKeys.cardId)];
  const nameless = () => ({ vendor: "", product: "" });
  const numbered = id === undefined
    ? undefined
    : readGpus(trees, nameless).find(({ drm }) => String(drm?.id) === id)?.pci_address ?? "";
  return readNames(base).toSorted().filter((address) =>
    hex(address, "class").startsWith("03") &&
    (place === undefined || place === address) && (numbered === undefined || numbered === address) &&
    Object.entries(wanted).every(([file, value]) => value === undefined || hex(address, file) === value)
  );
}

/** A type of devices that gives cards, each a list of its functions. */
function cards(find: (device: Device) => string[][]): DeviceType {
  return {
    start(site: StartSite): StartParts {
      if (site.type !== "virtual-machine") throw onlyMachines(site);
      if (site.context.user.uid !== 0) throw needsRoot(site);
      const found = find(site.device);
      if (found.length === 0) {
        throw new DreyError("BAD_REQUEST", { message: `Device "${site.name}": the host has no such card` });
      }
      const groups = [...new Set(found.map((functions) => groupOf(functions)))];
      return {
        given: found.map((functions, index) => ({
          device: { kind: "pci", id: givenId(site.name, index), functions },
          nodes: [],
        })),
        give() {
          giveAll(site, found.flat());
          return ["vfio", ...groups].map((name) => ({
            name,
            ...boxNode(site, { source: `/dev/vfio/${name}`, kind: "char" }, site.map),
          }));
        },
      };
    },
    stopped(site) {
      const given = readIfThere(fileOf(site)) ?? "";
      for (const address of given.split("\n").filter((line) => line !== "")) takeBack(address);
    },
    add: onlyStopped,
    remove: onlyStopped,
  };
}

/** Where it is noted what is to be taken back. */
const fileOf = ({ context, ref, name }: DeviceSite): string =>
  join(instancePaths(context, ref).run, `pci-${encodeURIComponent(name)}`);

/** What an administrator has given to vfio-pci stays there. */
function giveAll(site: DeviceSite, functions: readonly string[]): void {
  const ours = functions.filter((address) => !isGiven(address));
  // first, so that whoever cleans up after a killed start knows
  Deno.writeTextFileSync(fileOf(site), ours.join("\n"));
  for (const address of ours) giveAway(address);
}

const onlyMachines = ({ name }: DeviceSite) =>
  new DreyError("BAD_REQUEST", { message: `Device "${name}": only virtual machines are given cards on PCI` });

const needsRoot = ({ name }: DeviceSite) =>
  new DreyError("NOT_SUPPORTED", {
    message:
      `Device "${name}": only root can take a card on PCI from the host and give it to a virtual machine`,
    hint: "Run drey as root, or drey serve",
  });

function onlyStopped({ name, ref }: LiveSite): Promise<void> {
  throw new DreyError("NOT_SUPPORTED", {
    message: `Device "${name}": a card on PCI cannot come or go while the instance runs`,
    hint: `Run: drey stop ${ref.name}`,
  });
}
