// Devices of the host as words of QEMU's command line.

import { assert, assertEquals } from "@std/testing";
import { type HostDevice, hostDeviceWords, portsFor } from "./host_devices.ts";

const after = (words: readonly string[], flag: string) => words.filter((_, at) => words[at - 1] === flag);

Deno.test("a terminal of the host is a serial port behind a port of its own", () => {
  const serial: HostDevice = { kind: "serial", id: "h-modem", path: "/drey/h-modem" };
  assertEquals(portsFor([serial]), 1);
  const words = hostDeviceWords([serial], ["port3"]);
  assertEquals(after(words, "-chardev"), ["serial,id=serial-h-modem,path=/drey/h-modem"]);
  assertEquals(after(words, "-device").map((text) => JSON.parse(text)), [
    { driver: "pci-serial", id: "host-h-modem", chardev: "serial-h-modem", bus: "port3" },
  ]);
});

Deno.test("what is on USB comes by its node, on one bus that is there before it", () => {
  const usb = (id: string): HostDevice => ({ kind: "usb", id, path: `/drey/${id}` });
  assertEquals(portsFor([usb("a"), usb("b")]), 0);
  const [controller, ...devices] = after(hostDeviceWords([usb("a"), usb("b")], []), "-device");
  assertEquals(controller, "qemu-xhci,id=usb");
  assertEquals(devices.map((text) => JSON.parse(text)), [
    { driver: "usb-host", id: "host-a", hostdevice: "/drey/a", bus: "usb.0" },
    { driver: "usb-host", id: "host-b", hostdevice: "/drey/b", bus: "usb.0" },
  ]);
  assertEquals(hostDeviceWords([], []), []);
});

Deno.test("all functions of a card are behind one port, the first of them last", () => {
  const card: HostDevice = { kind: "pci", id: "gpu", functions: ["0000:01:00.0", "0000:01:00.1"] };
  assertEquals(portsFor([card]), 1);
  const devices = after(hostDeviceWords([card], ["port5"]), "-device").map((text) => JSON.parse(text));
  assertEquals(devices.map(({ host, addr, multifunction }) => [host, addr, multifunction ?? false]), [
    ["0000:01:00.1", "00.1", false],
    ["0000:01:00.0", "00.0", true],
  ]);
  assert(devices.every(({ driver, bus }) => driver === "vfio-pci" && bus === "port5"));
  const alone = hostDeviceWords([{ ...card, functions: ["0000:02:00.0"] }], ["port5"]);
  assert(!alone.join(" ").includes("multifunction"));
});
