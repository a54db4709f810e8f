// Instances and volumes that lie in storage pools and are unknown to the database, as LXD's `lxd recover` asks for them.

import * as s from "./schema.ts";

/** Pools to look into: known ones by their name alone, others as they are to be created. */
export const recoverPost = s.object({
  pools: s.required(
    s.array(s.object({
      name: s.required(s.string),
      driver: s.optional(s.string),
      description: s.optional(s.string),
      config: s.optional(s.record(s.string)),
    })),
    "pools to look into, all that are known too",
  ),
});
export type RecoverPost = s.TypeOf<typeof recoverPost>;
export type RecoverPool = RecoverPost["pools"][number];

/** Something that could be brought back. */
export interface UnknownVolume {
  name: string;
  /** `container`, `virtual-machine` or `custom` */
  type: string;
  snapshotCount: number;
  project: string;
  pool: string;
}

export interface RecoverFound {
  UnknownVolumes: UnknownVolume[];
  /** what has to be there first */
  DependencyErrors: string[];
}
