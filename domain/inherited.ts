// Descriptors that whoever started us has handed over.

import { setInherited } from "../sys/descriptors.ts";

/** Keeps a descriptor from the programs that this process starts. */
export function closeOnExec(fd: number): void {
  setInherited(fd, false);
}
