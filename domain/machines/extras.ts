// What a virtual machine with a disk of its own has beside it, where this host can give it: a screen, a TPM.

import { guestRoot } from "../../runtime/vm/box.ts";
import { tpmDirectory } from "../../runtime/vm/disk_root.ts";
import { screenModules } from "../../runtime/vm/screen.ts";
import type { Tpm } from "../../runtime/vm/tpm.ts";
import { exists } from "../../sys/present.ts";

/** What it knows lies beside the disk, and goes where that goes. */
export const ownTpm: Tpm = { directory: `${guestRoot}/${tpmDirectory}` };

/** Whether QEMU has here what a screen takes. */
export function canShow(): boolean {
  const directories = [`/usr/lib/${Deno.build.arch}-linux-gnu/qemu`, "/usr/lib/qemu"];
  return screenModules.every((name) => directories.some((directory) => exists(`${directory}/${name}`)));
}
