// Bringing back what the database does not know.

import type { Handlers } from "../call.ts";

const domain = () => import("../../domain/recover.ts");

export const handlers: Handlers<"recover.validate" | "recover.import"> = {
  "recover.validate": async ({ context, body }) => await (await domain()).findLost(context, body),
  "recover.import": async ({ context, body }) => await (await domain()).bringBack(context, body),
};
