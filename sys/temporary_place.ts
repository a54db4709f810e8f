// Files beside the state that are needed for a moment, in the directory that TMPDIR names: what to say if it takes none.

import { DreyError, explained } from "../errors.ts";

/** The directory for temporary files. */
const temporaryPlace = (): string => Deno.env.get("TMPDIR") || "/tmp";

/**
 * Does what makes a temporary file or directory and fills it.
 *
 * @throws {DreyError} naming the directory and how to choose another, where it is full or not to be written to
 */
export async function inTemporaryPlace<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const found = refusalOf(error);
    if (found === undefined) throw error;
    throw new DreyError(found.code, {
      message: `Cannot write in "${temporaryPlace()}", the directory for temporary files: ${found.why}`,
      hint: "Choose another one: TMPDIR=DIRECTORY drey ...",
      cause: error,
    });
  }
}

function refusalOf(error: unknown): { code: "NO_SPACE" | "KERNEL_REFUSED"; why: string } | undefined {
  if (error instanceof Deno.errors.PermissionDenied) {
    return { code: "KERNEL_REFUSED", why: "it is not for you" };
  }
  if (error instanceof Deno.errors.NotFound) return { code: "KERNEL_REFUSED", why: "there is none" };
  const known = explained(error);
  if (!(known instanceof DreyError)) return undefined;
  if (known.code === "NO_SPACE") return { code: "NO_SPACE", why: "it is full" };
  return known.code === "KERNEL_REFUSED" ? { code: "KERNEL_REFUSED", why: "it is read-only" } : undefined;
}
