// What the root of a volume is mounted from, as the kernel needs to know it.

export type RootSource =
  /** read-only layers below, from the top, and a layer of its own above them; overlayfs */
  | { kind: "overlay"; lower: string[]; upper: string; work: string }
  /** the same without a layer of its own: read-only */
  | { kind: "layers"; lower: string[] }
  /** a plain directory */
  | { kind: "directory"; path: string };
