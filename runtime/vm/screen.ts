// The screen of a virtual machine, with keyboard and pointer: SPICE on a socket of the box. Pure.

import { socketDirectory } from "./keeper_box.pl.ts";

/** Name of its socket behind the machine's door. */
export const screenSocket = "vga";

/** Files of QEMU's that a screen needs, below the directories that it looks into; Debian's `qemu-system-common`. */
export const screenModules = ["ui-spice-core.so", "chardev-spice.so", "hw-display-virtio-vga.so"] as const;

/** Words of QEMU's command line. Whoever may connect to the socket may use it: it asks for no password. */
export function screenWords(arch: "x86_64" | "aarch64"): string[] {
  const card = arch === "x86_64" ? "virtio-vga" : "virtio-gpu-pci";
  return [
    ...["-spice", `unix=on,addr=${socketDirectory}/${screenSocket},disable-ticketing=on`],
    ...["-device", `${card},id=screen`],
    ...["-device", "virtio-tablet-pci,id=pointer"],
    // a guest with SPICE's agent follows the size of the viewer's window, and shares its clipboard
    ...["-chardev", "spicevmc,id=viewer,name=vdagent"],
    ...["-device", "virtserialport,bus=serial.0,chardev=viewer,name=com.redhat.spice.0"],
  ];
}
