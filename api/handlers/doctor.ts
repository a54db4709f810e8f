// What drey needs from the host.

import type { Handlers } from "../call.ts";

const domain = () => import("../../domain/doctor.ts");

export const handlers: Handlers<"doctor" | "doctor.fix"> = {
  "doctor": async ({ context }) => await (await domain()).examineHost(context),
  "doctor.fix": async () => await (await domain()).fixHost(),
};
