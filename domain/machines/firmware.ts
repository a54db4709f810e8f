// What a virtual machine with a disk of its own is brought up by: UEFI as Debian packages it, or a BIOS.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Firmware } from "../../runtime/vm/disk_box.ts";
import { exists } from "../../sys/present.ts";
import type { Config } from "../../wire/instance.ts";

/**
 * The firmware of a machine by its expanded configuration; undefined for a BIOS.
 *
 * @throws {DreyError} `TOOL_MISSING` where it is not installed, `BAD_REQUEST` for settings that exclude each other
 */
export function firmwareFor(config: Config): Firmware | undefined {
  const isSecure = readKey(config, keys.securitySecureboot) ?? true;
  if (!hasBios(config)) return findFirmware(isSecure);
  if (isSecure) {
    throw new DreyError("BAD_REQUEST", {
      message: "A BIOS cannot hold anybody to signatures: security.csm=true needs security.secureboot=false",
    });
  }
  if (Deno.build.arch !== "x86_64") {
    throw new DreyError("BAD_REQUEST", {
      message: `There is no BIOS for machines of ${Deno.build.arch}: unset security.csm`,
    });
  }
  return undefined;
}

/** Whether a machine has a BIOS in place of UEFI. */
const hasBios = (config: Config): boolean => readKey(config, keys.securityCsm) ?? false;

/** `ovmf` and `qemu-efi-aarch64`: without keys, and with those of Microsoft. */
function findFirmware(isSecure: boolean): Firmware {
  const isX86 = Deno.build.arch === "x86_64";
  const directory = isX86 ? "/usr/share/OVMF/OVMF" : "/usr/share/AAVMF/AAVMF";
  const size = isX86 ? "_4M" : "";
  const code = `${directory}_CODE${size}${isSecure ? (isX86 ? ".secboot" : ".ms") : ""}.fd`;
  const variables = `${directory}_VARS${size}${isSecure ? ".ms" : ""}.fd`;
  const missing = [code, variables].find((path) => !exists(path));
  if (missing === undefined) return { code, variables, isSecure };
  throw new DreyError("TOOL_MISSING", {
    message: `Cannot start a virtual machine from its disk: there is no firmware, "${missing}"`,
    hint: `Ask an administrator to run: apt-get install ${isX86 ? "ovmf" : "qemu-efi-aarch64"}`,
  });
}
