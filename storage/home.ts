// What lies beside the root of a volume and goes where the volume goes: metadata and templates of an instance. Small
// files of the user's own.

import { join } from "@std/path";
import { exists, isDirectory, namesIn } from "../sys/present.ts";

const parts = ["metadata.yaml", "templates"];

/** Makes the parts of one home those of another. */
export function copyHome(from: string, to: string): void {
  for (const part of parts) {
    if (exists(join(to, part))) Deno.removeSync(join(to, part), { recursive: true });
    copy(join(from, part), join(to, part));
  }
}

function copy(from: string, to: string): void {
  if (!exists(from)) return;
  if (!isDirectory(from)) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { mode: 0o755 });
  for (const name of namesIn(from)) copy(join(from, name), join(to, name));
}
