// How a command without streams ends: whoever reads its operation sees no output, so the operation says what was wrong.

import { DreyError } from "../../errors.ts";
import type { Task } from "../operations.ts";

/** What shells say by their status, sh(1): LXD takes it for that whoever said it. */
const failures: Readonly<Record<number, string>> = {
  126: "Command not executable",
  127: "Command not found",
};

/** What a command has left, unless it was not run. @throws {DreyError} `BAD_REQUEST`, with that in the metadata */
export async function mustHaveRun(
  task: Task,
  result: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const message = failures[Number(result["return"])];
  if (message === undefined) return result;
  await task.update(result);
  throw new DreyError("BAD_REQUEST", { message });
}
