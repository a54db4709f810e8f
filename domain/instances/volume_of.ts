// Which volume is the root of an instance: apart from what makes and mounts it, which others than a start do without.

import type { Volume } from "../../storage/driver.ts";
import type { Ref } from "../context.ts";
import { directoryName } from "./record.ts";

/** The volume of an instance, or of its snapshot. */
export function volumeOf(ref: Ref, snapshot?: string): Volume {
  const volume: Volume = { kind: "containers", name: directoryName(ref) };
  return snapshot === undefined ? volume : { ...volume, snapshot };
}
