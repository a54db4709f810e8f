// What is less than it could be stays on the list of warnings after whoever asked for it has looked away.

import type { Context, Ref } from "../context.ts";
import { instanceAddress } from "./record.ts";

/** Keeps what there is to say about an instance. */
export async function noteWarnings(context: Context, ref: Ref, warnings: readonly string[]): Promise<void> {
  if (warnings.length === 0) return;
  const { reportProblems } = await import("../warnings.ts");
  await reportProblems(context, [{
    type: "Instance runs with less than it could",
    severity: "moderate",
    message: warnings.join("; "),
    project: ref.project,
    entity: instanceAddress(ref.name),
  }]);
}
