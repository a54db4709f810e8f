// Graphics and network cards: devices that show themselves as a class of files.

import { readNames, readNumber, readValue, resolveLink } from "../../sys/sysfs.ts";
import type { GpuCard, NetworkCard, NetworkPort } from "../../wire/resources.ts";
import { type Names, numaNodeOf, pciAddressOf, readBusDevice } from "./bus.ts";
import type { HostTrees } from "./host.ts";

/** Every graphics card. */
export function readGpus({ sys }: HostTrees, names: Names): GpuCard[] {
  const base = `${sys}/class/drm`;
  return readNames(base).filter((name) => /^card\d+$/.test(name)).flatMap((card) => {
    const device = `${base}/${card}/device`;
    if (resolveLink(device) === "") return [];
    const siblings = readNames(`${device}/drm`);
    const node = (prefix: string) => siblings.find((name) => name.startsWith(prefix));
    const numbers = (name: string) => readValue(`${base}/${name}/dev`);
    const [control, render] = [node("controlD"), node("renderD")];
    const pci_address = pciAddressOf(device);
    return [{
      ...readBusDevice(device, names),
      drm: {
        id: Number(card.slice(4)),
        card_name: card,
        card_device: numbers(card),
        ...(control === undefined ? {} : { control_name: control, control_device: numbers(control) }),
        ...(render === undefined ? {} : { render_name: render, render_device: numbers(render) }),
      },
      numa_node: numaNodeOf(device),
      ...(pci_address === undefined ? {} : { pci_address }),
    }];
  });
}

/** Cards with their ports; interfaces without hardware are none. */
export function readNetworkCards({ sys }: HostTrees, names: Names): NetworkCard[] {
  const base = `${sys}/class/net`;
  const ports = readNames(base).map((id) => ({ id, device: resolveLink(`${base}/${id}/device`) }))
    .filter(({ device }) => device !== "");
  // virtio puts a device of its own between the interface and the card
  const cards = Map.groupBy(ports, ({ device }) => device.replace(/\/virtio\d+$/, ""));
  return [...cards].map(([card, members]) => {
    const pci_address = pciAddressOf(card);
    return {
      ...readBusDevice(card, names),
      ports: members.map(({ id }) => readPort(`${base}/${id}`, id)),
      numa_node: numaNodeOf(card),
      ...(pci_address === undefined ? {} : { pci_address }),
    };
  });
}

/** `type` of an interface: if_arp.h */
const protocols: Record<number, string> = { 1: "ethernet", 32: "infiniband" };

function readPort(path: string, id: string): NetworkPort {
  const speed = readNumber(`${path}/speed`, -1);
  const duplex = readValue(`${path}/duplex`);
  return {
    id,
    address: readValue(`${path}/address`),
    port: readNumber(`${path}/dev_port`),
    protocol: protocols[readNumber(`${path}/type`)] ?? "unknown",
    auto_negotiation: false,
    link_detected: readNumber(`${path}/carrier`) === 1,
    ...(duplex === "" || duplex === "unknown" ? {} : { link_duplex: duplex }),
    ...(speed > 0 ? { link_speed: speed } : {}),
  };
}
