import { assertEquals, assertMatch } from "@std/testing";
import { dirname, join } from "@std/path";
import { findGpus } from "./gpu.ts";
import { findCards } from "./pci.ts";
import { isTerminal } from "./serial.ts";
import { closedNode, numbersOf } from "./host_node.ts";
import { findUsb } from "./usb.ts";

/** A /sys with files by path, and links by `path@`. */
async function makeSys(files: Record<string, string>) {
  const root = await Deno.makeTempDir();
  for (const [path, text] of Object.entries(files)) {
    const target = join(root, path.replace(/@$/, ""));
    await Deno.mkdir(dirname(target), { recursive: true });
    if (path.endsWith("@")) await Deno.symlink(join(root, text), target);
    else await Deno.writeTextFile(target, `${text}\n`);
  }
  return {
    trees: { sys: root, proc: join(root, "proc"), ids: join(root, "ids") },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const plugged = (place: string, facts: Record<string, string>) =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [`bus/usb/devices/${place}/${key}`, value]));

Deno.test("findUsb() takes what fits every number that is given, and no hub of the kernel's", async () => {
  await using host = await makeSys({
    ...plugged("usb1", { idVendor: "1d6b", idProduct: "0002", busnum: "1", devnum: "1" }),
    ...plugged("1-1", { idVendor: "0403", idProduct: "6001", busnum: "1", devnum: "4", serial: "A1" }),
    ...plugged("1-2", { idVendor: "0403", idProduct: "6001", busnum: "1", devnum: "12", serial: "B2" }),
    ...plugged("2-1", { idVendor: "0bda", idProduct: "8153", busnum: "2", devnum: "3" }),
  });
  const paths = (device: Record<string, string>) =>
    findUsb({ type: "usb", ...device }, host.trees).map(({ path }) => path);
  assertEquals(paths({ vendorid: "0403" }), ["/dev/bus/usb/001/004", "/dev/bus/usb/001/012"]);
  assertEquals(paths({ vendorid: "0403", productid: "6001", serial: "B2" }), ["/dev/bus/usb/001/012"]);
  assertEquals(paths({ busnum: "2", devnum: "3" }), ["/dev/bus/usb/002/003"]);
  assertEquals(paths({ vendorid: "0BDA" }), ["/dev/bus/usb/002/003"]);
  assertEquals(paths({ productid: "0002" }), []);
  assertEquals(paths({}).length, 3);
});

Deno.test("findGpus() takes cards by number, place or maker, each with all its nodes", async () => {
  const place = (address: string) => `devices/pci0000:00/${address}`;
  const card = (address: string, number: number, vendor: string) => ({
    [`${place(address)}/vendor`]: vendor,
    [`${place(address)}/device`]: "0x1234",
    [`${place(address)}/drm/card${number}/dev`]: `226:${number}`,
    [`${place(address)}/drm/renderD${128 + number}/dev`]: `226:${128 + number}`,
    [`class/drm/card${number}/device@`]: place(address),
    [`class/drm/card${number}/dev`]: `226:${number}`,
    [`class/drm/renderD${128 + number}/dev`]: `226:${128 + number}`,
  });
  await using host = await makeSys({
    ...card("0000:00:02.0", 0, "0x8086"),
    ...card("0000:01:00.0", 1, "0x10de"),
  });
  const names = (device: Record<string, string>) =>
    findGpus({ type: "gpu", ...device }, host.trees).map(({ path }) => path.slice("/dev/dri/".length));
  assertEquals(names({}), ["card0", "renderD128", "card1", "renderD129"]);
  assertEquals(names({ vendorid: "10de" }), ["card1", "renderD129"]);
  assertEquals(names({ pci: "00:02.0" }), ["card0", "renderD128"]);
  assertEquals(names({ id: "1" }), ["card1", "renderD129"]);
  assertEquals(names({ id: "7" }), []);
});

Deno.test("numbersOf() reads major and minor, small ones and large ones", () => {
  assertEquals(numbersOf(0x103), [1, 3]);
  assertEquals(numbersOf(7 << 8 | 300 & 0xff | (300 & ~0xff) << 12), [7, 300]);
});

Deno.test("findCards() takes graphics cards on PCI, whoever drives them", async () => {
  const device = (address: string, facts: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(facts).map(([key, value]) => [`bus/pci/devices/${address}/${key}`, value]),
    );
  await using host = await makeSys({
    ...device("0000:00:02.0", { class: "0x030000", vendor: "0x8086", device: "0x1912" }),
    ...device("0000:01:00.0", { class: "0x030200", vendor: "0x10de", device: "0x1db4" }),
    ...device("0000:01:00.1", { class: "0x040300", vendor: "0x10de", device: "0x10f0" }),
  });
  const found = (wanted: Record<string, string>) => findCards({ type: "gpu", ...wanted }, host.trees);
  assertEquals(found({}), ["0000:00:02.0", "0000:01:00.0"]);
  assertEquals(found({ vendorid: "10de" }), ["0000:01:00.0"]);
  assertEquals(found({ vendorid: "10de", productid: "ffff" }), []);
  assertEquals(found({ pci: "00:02.0" }), ["0000:00:02.0"]);
  assertEquals(found({ id: "7" }), []);
});

Deno.test("isTerminal() goes by what the kernel says of its drivers", () => {
  const drivers = "/dev/tty             /dev/tty        5       0 system:/dev/tty\n" +
    "serial               /dev/ttyS       4 64-95 serial\npty_slave            /dev/pts      136 0-1048575 pty:slave\n";
  assertEquals([4, 136, 1, 10].map((major) => isTerminal(major, drivers)), [true, true, false, false]);
});

Deno.test("nobody is told to open a disk of the host to everybody", () => {
  assertMatch(closedNode("modem", "/dev/ttyS0", "char").hint ?? "", /chmod o\+rw \/dev\/ttyS0/);
  assertMatch(closedNode("data", "/dev/sda", "block").hint ?? "", /^(?!.*chmod).*a device of type disk/);
});
