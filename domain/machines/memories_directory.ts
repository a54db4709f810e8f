// Names of what virtual machines can begin with, and its removal, which takes nothing of machines.

import { join } from "@std/path";
import { isPartial } from "../../sys/partial.ts";
import { namesIn } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import { memoriesDirectory } from "../images/directories.ts";

/** The name of a memory that only machines of one image can begin from. */
export const imageMemoryName = (kind: string, fingerprint: string): string => `${kind}-${fingerprint}`;

/** Whether a memory is for machines of one image. */
export const isImageMemory = (name: string): boolean => name.includes("-");

/** Removes a memory, be it a file or a directory; nothing happens if it is not there. */
export function removeMemory(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes the memories that only machines of an image can begin from. */
export function removeMemoriesOf(context: Context, fingerprint: string): void {
  const directory = memoriesDirectory(context);
  const own = namesIn(directory).filter((name) => name.endsWith(`-${fingerprint}`) && !isPartial(name));
  for (const name of own) removeMemory(join(directory, name));
}
