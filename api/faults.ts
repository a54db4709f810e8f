// Faults of drey's own, written down for whoever runs it.

import type { Context } from "../domain/context.ts";
import { emitLogging } from "../domain/events.ts";

/** Logs an error with its stack. */
export async function logFault(context: Context, error: unknown): Promise<void> {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  await emitLogging(context, { level: "error", message: String(error), context: { stack } });
}
