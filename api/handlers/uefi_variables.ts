// Variables of the firmware of a virtual machine.

import * as variables from "../../domain/machines/uefi_variables.ts";
import type { Handlers } from "../call.ts";

type Names = "instance.uefi.get" | "instance.uefi.put";

export const handlers: Handlers<Names> = {
  "instance.uefi.get": ({ context, project, params }) =>
    variables.getVariables(context, { project, name: params.name }),
  "instance.uefi.put": ({ context, project, params, body }) =>
    variables.setVariables(context, { project, name: params.name }, body),
};
