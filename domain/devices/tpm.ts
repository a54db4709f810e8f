// Devices of type `tpm`: a program that plays a TPM beside a virtual machine.

import { DreyError } from "../../errors.ts";
import { tpmProgram } from "../../runtime/vm/tpm.ts";
import { fullPath, toolMissing } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";
import type { DeviceType, LiveSite } from "./device.ts";

export const tpm: DeviceType = {
  start({ type, name }) {
    if (type !== "virtual-machine") {
      throw new DreyError("NOT_SUPPORTED", {
        message: `Device "${name}": only virtual machines can have a TPM yet`,
      });
    }
    if (findTool(tpmProgram, fullPath()) === undefined) throw toolMissing(tpmProgram);
    return { isTpm: true };
  },
  add: onlyStopped,
  remove: onlyStopped,
};

function onlyStopped({ name, ref }: LiveSite): Promise<void> {
  throw new DreyError("NOT_SUPPORTED", {
    message: `Device "${name}": a TPM cannot come or go while the instance runs`,
    hint: `Run: drey stop ${ref.name}`,
  });
}
