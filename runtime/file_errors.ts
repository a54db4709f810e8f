// Why a file of an instance cannot be reached: what the kernel said, or how the process that should have answered ended.

import { DreyError } from "../errors.ts";

/** Linux 6.1 says EINVAL of a process that is just being reaped. */
const gone = /^(setns|pidfd_open)\(2\).*: No such process$|^pidfd_open\(2\).*: Invalid argument$/;

/** Of a process that went away without an answer. */
export async function whyEnded(child: Deno.ChildProcess, said: Promise<string>): Promise<DreyError> {
  const { signal } = await child.status;
  const why = (await said).trim().split("\n")[0] ?? "";
  // the end of an instance is the end of every process inside, and there is no way to one that has ended
  if (signal === "SIGKILL" && why === "" || gone.test(why)) return endedInside();
  return new DreyError("KERNEL_REFUSED", {
    message: `Cannot reach the instance's files${why === "" ? "" : `: ${why}`}`,
  });
}

/** Why there is no answer from an instance that ended while its files were used. */
export const endedInside = (): DreyError =>
  new DreyError("INSTANCE_STATE", { message: "The instance stopped while its files were used" });

const errnos: Record<number, "NOT_FOUND" | "FORBIDDEN" | "NO_SPACE"> = {
  1: "FORBIDDEN",
  2: "NOT_FOUND",
  13: "FORBIDDEN",
  28: "NO_SPACE",
  30: "FORBIDDEN",
  122: "NO_SPACE",
};
const EINVAL = 22;

/** The error of a file that the instance's kernel refused. */
export function fileError(path: string, errno: number, text: string): DreyError {
  const why = errno === EINVAL ? "It is neither a file, a directory nor a symlink" : text;
  return new DreyError(errnos[errno] ?? "BAD_REQUEST", {
    message: `Cannot use "${path}" of the instance: ${why}`,
  });
}
