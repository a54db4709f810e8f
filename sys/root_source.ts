// What a root is mounted from, as the kernel needs to know it: storage says it, and runtime mounts it.

export type RootSource =
  /** read-only layers below, from the top, and a layer of its own above them; overlayfs */
  | { kind: "overlay"; lower: string[]; upper: string; work: string }
  /** the same without a layer of its own: read-only */
  | { kind: "layers"; lower: string[] }
  /** a plain directory; with `image`, one in a file system that is mounted for whoever uses it */
  | { kind: "directory"; path: string; image?: FileSystemImage };

/** An ext4 in a file, mounted by fuse2fs(1). */
export interface FileSystemImage {
  file: string;
  /** directory it is mounted on */
  at: string;
  isReadOnly: boolean;
  /** trees of the image the root began as, where its programs can be looked up without a mount */
  began: string[];
}
