// The contract of storage drivers: what a pool can do with volumes, whatever it is made of. Knows nothing of
// instances, records or projects; the suite every driver must pass is tests/contracts/storage_driver_test.ts.

import type { RootSource } from "../sys/root_source.ts";

export type { RootSource } from "../sys/root_source.ts";

/** LXD's name for a group of volumes, and of their directory in the pool. */
export type VolumeKind = "containers" | "virtual-machines" | "custom";

/** One volume of a pool, or one snapshot of it. */
export interface Volume {
  kind: VolumeKind;
  /** name of its directory: the project in front where LXD puts it there */
  name: string;
  snapshot?: string;
}

export type Snapshot = Volume & { snapshot: string };

/** What a volume begins with. */
export interface Content {
  /** the ids its files belong to, as text that is equal for equal maps: formatMap() */
  map: string;
  /** an unpacked image, shared and never written; without one the volume begins empty */
  image?: ImageTree;
  /** host ids and mode of the top directory of a volume that begins empty */
  owner?: { uid: number; gid: number; mode: number };
  /** `bytes` it may grow to; a driver that cannot hold it to that refuses */
  size?: number;
  /** `bytes` that will be put in it: where volumes have a size of their own, it is at least that */
  expected?: number;
}

/** An image under an id map: `rootfs` in a directory that outlives every volume made of it. */
export interface ImageTree {
  /** name of its directory among the unpacked images, and in the pool where the driver keeps a copy */
  id: string;
  rootfs: string;
}

/** What a driver knows of a volume by itself, without any record. */
export interface VolumeFacts {
  map: string;
  /** id of the image below it */
  image?: string;
  /** nothing is in it but what it was made with */
  isUntouched: boolean;
}

/** Runs programs as root of all the user's ids: the only one who may touch files of sub-ids. */
export interface Hands {
  /** @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
  run(argv: readonly string[]): Promise<void>;
  /** the same, with what it printed */
  output(argv: readonly string[]): Promise<string>;
  /** whether there is a root already, or one is coming, that belongs to none of this process's own ids */
  isOpen(): Promise<boolean>;
  /** who removes trees when nobody waits any more; nobody does where this process removes them itself */
  heir(): Promise<Heir | undefined>;
  /** gives one file to ids of the host */
  own(path: string, owner: { uid: number; gid: number }): Promise<void>;
}

/** A process that removes trees and ends, also after drey has ended. */
export interface Heir {
  pid: number;
  remove(paths: readonly string[]): Promise<void>;
}

/** What a driver is given of the world. */
export interface PoolHost {
  /** directory of the pool; exists and belongs to the user */
  directory: string;
  /** where unpacked images lie: `IMAGE/rootfs` */
  images: string;
  /** LXD's configuration of the pool, validated */
  config: Readonly<Record<string, string>>;
  hands: Hands;
  /** held while the pool's structure changes: between the processes of one user */
  lock(): Promise<AsyncDisposable>;
}

/** How a volume is copied that somebody is writing to. */
export interface Live {
  /** keeps the writers still for as long as `work` takes */
  still<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * One pool. Whoever calls holds the lock of the volume (a snapshot has that of its volume). Every call leaves the old
 * state or the new one, also when the process is killed in it; what it had begun is then removed by {@link repair} or
 * by calling it again. A target that exists already has no record and is replaced.
 */
export interface Driver {
  readonly name: string;
  /** whether roots stand on the unpacked images, which must be there to mount them */
  readonly needsImages: boolean;

  exists(volume: Volume): boolean;
  facts(volume: Volume): VolumeFacts | undefined;
  /** names of volumes of a kind; of the snapshots of one, if it is named */
  list(kind: VolumeKind, name?: string): string[];
  /** directory of the volume for what is kept beside its root: `metadata.yaml`, `templates`; copied with it */
  home(volume: Volume): string;
  /** what its root is to be mounted from; nothing is touched */
  root(volume: Volume): RootSource;
  /** the same for a mount that only reads, on a disk that may be read-only */
  shown(volume: Volume): RootSource;
  /** the same for a writable mount that is about to happen; not for snapshots */
  prepare(volume: Volume): RootSource;

  /** a new volume; in the place of an old one, whose snapshots stay */
  create(volume: Volume, content: Content): Promise<void>;
  /** an independent volume with the present content of another, or of a snapshot */
  clone(from: Volume, to: Volume, live?: Live): Promise<void>;
  /** keeps the present content under the snapshot's name */
  snapshot(snapshot: Snapshot, live?: Live): Promise<void>;
  /** puts back what a snapshot holds; the volume is at rest */
  restore(snapshot: Snapshot): Promise<void>;
  /**
   * a volume goes with its snapshots; nothing happens if it is not there
   *
   * @param later its room may come back when drey has ended
   */
  remove(volume: Volume, later?: boolean): Promise<void>;
  /** another name within the pool, for a volume with its snapshots or for one snapshot */
  rename(from: Volume, to: Volume): Promise<void>;
  /** holds the volume to a size, or to none. @throws {DreyError} `NOT_SUPPORTED` where nothing can enforce it */
  resize(volume: Volume, size: number | undefined): Promise<void>;
  /**
   * where a root must be at rest when it is given a size: makes sure that it can be given one at all
   *
   * @throws {DreyError} `NOT_SUPPORTED`
   */
  mustSizeAtRest?(): void;
  /** makes a volume large enough for a file of so many bytes, where volumes have a size of their own */
  fit?(volume: Volume, bytes: number): Promise<void>;
  /** shortens what the volume's root is made of, if that is worth it; the volume is at rest */
  compact?(volume: Volume): Promise<void>;
  /**
   * makes a volume that has only an image and no changes a plain copy of it, for kernels that mount no overlay here;
   * false if it has changes
   */
  withoutOverlay?(volume: Volume): Promise<boolean>;

  /** volumes as streams of the driver's own, for backups; absent where there are none, or not for this user */
  streams?: {
    /** makes states of a volume ready to be sent, the oldest first: each is sent as what it holds beyond the one before */
    open(states: readonly SentState[]): Promise<OpenStreams>;
    /** makes a volume with its snapshots of what was sent. @throws {DreyError} `IMAGE_INVALID` */
    receive(received: Received): Promise<void>;
  };

  /** `bytes` that are the volume's own */
  usage(volume: Volume): Promise<number>;
  /** `bytes` that snapshots hold alone, as far as that is known without a look at their files */
  snapshotSizes?(volume: Volume, snapshots: readonly string[]): Promise<Map<string, number>>;
  /** `bytes` of all that a volume shows, which a full copy elsewhere takes */
  extent(volume: Volume): Promise<number>;
  space(): Space | Promise<Space>;
  /** makes sure there is room for so many more bytes. @throws {DreyError} `NO_SPACE` */
  mustHold(bytes: number): void | Promise<void>;
  /** makes sure that something can be removed. @throws {DreyError} `KERNEL_REFUSED` on a read-only file system */
  mustTakeWrites(): void;
  /** removes what killed processes left half-done; cheap when there is nothing */
  repair(): Promise<void>;
  /** an image is gone: so is the driver's copy of it */
  forgetImage?(id: string): Promise<void>;
}

/** A volume, or a snapshot of it, that is sent. */
export interface SentState {
  volume: Volume;
  /** what its backup.yaml is to say */
  described?: string;
}

/** States that are kept as they are until it is disposed. */
export interface OpenStreams extends AsyncDisposable {
  /** writes a state, by its number, to a file */
  write(index: number, to: string): Promise<void>;
}

/** One stream of a volume. */
export interface StreamSource {
  /** absent for the volume itself */
  snapshot?: string;
  /** argv that writes the stream to standard output */
  argv: readonly string[];
  /** the ids its files belong to: formatMap() */
  map: string;
}

/** A volume that arrives as streams. */
export interface Received {
  volume: Volume;
  /** each after those it stands on, the volume last */
  sources: readonly StreamSource[];
  /** the ids its files shall belong to */
  map: string;
  /** name of the one file it consists of, a disk, which belongs to nobody in an instance */
  disk?: string;
}

/** The file system of a pool: bytes and inodes. */
export interface Space {
  space: { used: number; total: number };
  inodes: { used: number; total: number };
}

/** What is done to a pool as a whole, before there is a driver for it. */
export interface DriverKind {
  readonly name: string;
  /** of the tools it stands on, as shown to clients */
  version(): Promise<string>;
  /** whether it works on this host; the answer is why not */
  missing(): Promise<string | undefined>;
  /**
   * makes a pool at its directory and answers with the configuration as it came out
   *
   * @throws {DreyError} `BAD_REQUEST` for a source that cannot be used
   */
  createPool(making: PoolMaking): Promise<Record<string, string>>;
  /** makes sure the pool can be reached, after a reboot too, and answers with its directory */
  openPool(making: PoolMaking): Promise<string>;
  /** undoes createPool(); the pool is empty */
  deletePool(making: PoolMaking): Promise<void>;
  open(host: PoolHost): Driver;
}

/** A pool that is being made or opened. */
export interface PoolMaking {
  /** where a pool lies that has no source of its own */
  directory: string;
  /** file for a pool in a file */
  imageFile: string;
  config: Readonly<Record<string, string>>;
  uid: number;
  hands: Hands;
  /** held while the pool is being made reachable: between the processes of one user */
  lock(): Promise<AsyncDisposable>;
}
