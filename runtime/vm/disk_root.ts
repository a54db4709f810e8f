// The root of a virtual machine that has a disk of its own: a directory with qcow2 files, each standing on the one of a
// smaller number. Only the last is written to, so that whoever shares the directory's layers shares the disk as well: a
// new layer over it gets a new file. Pure.

const diskName = (number: number): string => `disk.${number}.qcow2`;

const numberOf = (name: string): number | undefined => {
  const digits = /^disk\.(\d+)\.qcow2$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** The file that holds what the machine has written last; undefined if there is none. */
export function lastDisk(names: readonly string[]): string | undefined {
  const last = names.flatMap((name) => numberOf(name) ?? []).toSorted((a, b) => a - b).at(-1);
  return last === undefined ? undefined : diskName(last);
}

/** A file beside a disk's that is there while a machine writes to it, and stays if the machine is killed. */
export const openMark = (disk: string): string => disk.replace(/qcow2$/, "open");

/** Files that may stand on each other before a new one stands on the first again. */
export const longestChain = 16;

export type DiskPlan =
  /** the file is there, and may be written to */
  | { kind: "ready"; write: string }
  /** an empty one, for a machine that is to be installed */
  | { kind: "empty"; write: string }
  /** a new one over another */
  | { kind: "over"; write: string; below: string }
  /** a new one over another, as it was when the memory was taken that the machine begins from; a file of the box */
  | { kind: "kept"; write: string; below: string; from: string }
  /** a new one with what has been written since the first, which it stands on */
  | { kind: "short"; write: string; below: string; base: string };

/**
 * Which file a machine writes to.
 *
 * @param own names in the part of the root that may be written to
 * @param all names in the whole of it
 */
export function planDisk(own: readonly string[], all: readonly string[]): DiskPlan {
  const below = lastDisk(all);
  if (below === undefined) return { kind: "empty", write: diskName(0) };
  if (own.includes(below)) return { kind: "ready", write: below };
  const last = numberOf(below) ?? 0;
  const write = diskName(last + 1);
  if ((last + 1) % longestChain !== 0) return { kind: "over", write, below };
  return { kind: "short", write, below, base: diskName(0) };
}

/**
 * Whether a machine has its image's disk and nothing else, so that all machines of the image begin alike.
 *
 * @param all names in the whole root
 */
export const isUnused = (plan: DiskPlan, all: readonly string[]): boolean =>
  plan.kind === "over" && plan.below === diskName(0) && all.every((name) => !isOwn(name));

/** What no image has beside its disk: its TPM's, its firmware's and its saved memory. */
const isOwn = (name: string) => /^(tpm|nvram|memory)\b/.test(name);

/** Files beside the disk that hold what a machine had in its memory, and what it was then. */
export const stateNames = { memory: "memory.state", facts: "memory.json" } as const;

/** `bytes` of a disk that nobody gave a size, as LXD has it. */
export const usualDisk = 10 * 1024 ** 3;

/** The directory with what a machine's TPM knows. */
export const tpmDirectory = "tpm";

/** The file with the firmware's variables: one for each set of keys that they may begin with. */
export const nvramName = (isSecure: boolean): string => isSecure ? "nvram.ms.fd" : "nvram.fd";
