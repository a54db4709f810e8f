// Which architectures this host runs programs of.

import { DreyError } from "../errors.ts";
import { kernelArchitecture } from "../images/metadata.ts";

/** The host's architecture and the one it also runs, in the kernel's names. */
export function architectures(host: string = Deno.build.arch): string[] {
  return host === "x86_64" ? ["x86_64", "i686"] : ["aarch64", "armv7l"];
}

/**
 * Refuses an image whose programs cannot run here. What the administrator has told the kernel to run by an emulator can.
 *
 * @param handlers directory where the kernel lists such emulators; binfmt_misc.rst
 * @throws {DreyError} `BAD_REQUEST`
 */
export function mustRunHere(architecture: string, handlers = "/proc/sys/fs/binfmt_misc"): void {
  const wanted = kernelArchitecture(architecture) ?? architecture;
  if (wanted === "" || architectures().includes(wanted)) return;
  const emulator = wanted.startsWith("armv") ? "qemu-arm" : `qemu-${wanted}`;
  if (isThere(`${handlers}/${emulator}`)) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot use the image: it is for ${wanted}, and this host is ${Deno.build.arch}`,
    hint: "Ask for the image of this architecture, or have an administrator install qemu-user-static",
  });
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // not there, or a kernel without such emulators
  }
}
