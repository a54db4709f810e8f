// What lies beside the disk of a virtual machine, in backups: the variables of its firmware and what its TPM knows, under
// LXD's names.

import { securityCsm, securitySecureboot } from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { nvramName, tpmDirectory } from "../../runtime/vm/disk_root.ts";
import { readVariables } from "../../runtime/vm/uefi_variables.ts";
import { DreyError } from "../../errors.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import { readBeside, writeBeside } from "../machines/beside_disk.ts";
import { firmwareFor } from "../machines/firmware.ts";
import type { Driver, Volume } from "../../storage/driver.ts";

/** swtpm's file with all that a TPM keeps. */
const tpmState = "tpm2-00.permall";
const ownTpm = `${tpmDirectory}/${tpmState}`;

/** Whether a file beside a disk is of use here; newer LXDs name the variables after the firmware. */
export const isKeptBeside = (rest: string): boolean =>
  /^(qemu\.nvram|OVMF_VARS[\w.-]*\.fd|tpm\.[^/]+\/tpm2-00\.permall)$/.test(rest);

interface Place {
  driver: Driver;
  volume: Volume;
}

/** The files of a volume as entries of a backup, below `base`. */
export async function packBeside(
  context: Context,
  place: Place,
  { base, config, devices }: { base: string; config: Config; devices: Devices },
): Promise<{ name: string; content: Uint8Array<ArrayBuffer> }[]> {
  const tpm = Object.entries(devices).find(([, { type }]) => type === "tpm")?.[0];
  const wanted = [
    ...(hasUefi(config) ? [{ from: nvramName(isSecure(config)), to: "qemu.nvram" }] : []),
    ...(tpm === undefined ? [] : [{ from: ownTpm, to: `tpm.${tpm}/${tpmState}` }]),
  ];
  const entries = [];
  for (const { from, to } of wanted) {
    const content = await readBeside(context, place, from);
    if (content !== undefined) entries.push({ name: `${base}/${to}`, content });
  }
  return entries;
}

/**
 * Puts such files into a volume that has its disk.
 *
 * @param options `files` by their names below the base
 * @returns what was left out and why, for people
 */
export async function unpackBeside(
  context: Context,
  place: Place,
  { files, config }: { files: ReadonlyMap<string, Uint8Array>; config: Config },
): Promise<string[]> {
  const warnings: string[] = [];
  const variables = hasUefi(config) ? variablesIn(files, isSecure(config)) : undefined;
  if (variables !== undefined) {
    const why = await unusable(variables, config);
    if (why === undefined) {
      await writeBeside(context, place, { name: nvramName(isSecure(config)), bytes: variables });
    } else warnings.push(`left out the variables of the firmware: ${why}`);
  }
  for (const [name, content] of files) {
    if (name.endsWith(`/${tpmState}`)) {
      await writeBeside(context, place, { name: ownTpm, bytes: content.slice() });
    }
  }
  return warnings;
}

function variablesIn(
  files: ReadonlyMap<string, Uint8Array>,
  isSecure: boolean,
): Uint8Array<ArrayBuffer> | undefined {
  const named = [...files].find(([name]) => /^OVMF_VARS/.test(name) && name.includes(".ms.") === isSecure);
  return (files.get("qemu.nvram") ?? named?.[1])?.slice();
}

/** Flash memory of another size is another firmware's. */
async function unusable(variables: Uint8Array<ArrayBuffer>, config: Config): Promise<string | undefined> {
  try {
    readVariables(variables);
    const template = firmwareFor(config)?.variables;
    const size = template === undefined ? variables.length : (await Deno.stat(template)).size;
    return size === variables.length ? undefined : "they are of another firmware, with other memory";
  } catch (error) {
    // where there is no firmware yet, nothing is known of it
    if (error instanceof DreyError && error.code === "TOOL_MISSING") return undefined;
    if (error instanceof DreyError) return error.message;
    throw error;
  }
}

const isSecure = (config: Config): boolean => readKey(config, securitySecureboot) ?? true;
const hasUefi = (config: Config): boolean => !(readKey(config, securityCsm) ?? false);
