// Roots of the driver `dir` in a file of a size: an ext4 that fuse2fs(1) mounts, for users who have no quotas. It is made
// of what the root shows when it is given a size, while nobody uses it; a snapshot or a copy of it is one of the file.

import { join } from "@std/path";
import { bool } from "../config/types.ts";
import { DreyError } from "../errors.ts";
import { canOpen, exists } from "../sys/present.ts";
import { findTool } from "../sys/tools.ts";
import { fullPath } from "../sys/run.ts";
import type { PoolHost, RootSource } from "./driver.ts";
import { imageTrees, type Stacked } from "./layers.ts";
import type { Manifest } from "./manifest.ts";

const fileIn = (place: string, { top }: Manifest): string => join(place, top, "root.img");

/** Whether a pool's roots that are given a size are to lie in files. */
export function wantsImages({ config }: PoolHost): boolean {
  const parsed = bool.parse(config["dir.file_backed"] || "false");
  return "value" in parsed && parsed.value;
}

/** What such a root is mounted from. */
export function imageRoot(host: PoolHost, { place, manifest }: Stacked, isReadOnly: boolean): RootSource {
  const at = join(place, manifest.top, "mount");
  const began = manifest.image === undefined ? [] : imageTrees(join(host.images, manifest.image));
  return {
    kind: "directory",
    path: join(at, "rootfs"),
    image: { file: fileIn(place, manifest), at, isReadOnly, began },
  };
}

/** Copies the file of a root that is at rest into a new top directory. */
export async function copyImageFile({ hands }: PoolHost, from: Stacked, to: Stacked): Promise<void> {
  Deno.mkdirSync(join(to.place, to.manifest.top, "mount"), { mode: 0o711 });
  const [file, copy] = [fileIn(from.place, from.manifest), fileIn(to.place, to.manifest)];
  // whoever serves the file may still be writing down what an instance that has just stopped had written
  await hands.run(["flock", "-w", "60", file, "cp", "--sparse=always", "--reflink=auto", "--", file, copy]);
}

/** $1 an empty directory, $2 the file, $3 its bytes, the rest: trees, the uppermost first, or the only one. */
const pack = `d=$1 f=$2 s=$3; shift 3
mkdir "$d/tree" "$d/tree/rootfs" "$d/none"
if [ $# = 1 ]; then mount --bind "$1" "$d/tree/rootfs"
else l=; for t; do l="$l\${l:+:}$t"; done; mount -t overlay -o "lowerdir=$l,userxattr,index=off" none "$d/tree/rootfs"; fi
truncate -s "$s" "$f"
mkfs.ext4 -q -F -m 0 -O ^has_journal -E root_owner=0:0,nodiscard,lazy_itable_init=1 -d "$d/tree" "$f"`;

/** Makes the file of a new top directory. @throws {DreyError} `BAD_REQUEST` if the trees do not fit in */
export async function packImage(
  { hands }: PoolHost,
  { place, manifest }: Stacked,
  { trees, size }: { trees: readonly string[]; size: number },
): Promise<void> {
  const top = join(place, manifest.top);
  Deno.mkdirSync(join(top, "mount"), { mode: 0o711 });
  const words = [join(top, "mount"), fileIn(place, manifest), String(size)];
  try {
    await hands.run(["unshare", "--mount", "sh", "-ec", pack, "sh", ...words, ...trees]);
    await hands.run(["rm", "-rf", "--", join(top, "mount")]);
    Deno.mkdirSync(join(top, "mount"), { mode: 0o711 });
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "COMMAND_FAILED") throw error;
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot make a root of this size: what is in it takes more, or mkfs.ext4(8) failed",
      hint: "Give it a larger size",
      cause: error,
    });
  }
}

/** $1 the file, $2 its bytes. The file grows before its content, and shrinks after it. */
const change = `e2fsck -f -p "$1" >/dev/null || [ $? = 1 ]
[ "$(stat -c %s "$1")" -ge "$2" ] || truncate -s "$2" "$1"
resize2fs "$1" "$(($2 / 1024))K"
truncate -s "$2" "$1"`;

/** Gives the file another size. @throws {DreyError} `BAD_REQUEST` if it holds more, or is in use */
export async function resizeImage({ hands }: PoolHost, place: Stacked, size: number): Promise<void> {
  const file = fileIn(place.place, place.manifest);
  const whole = Math.floor(size / 4096) * 4096;
  if (Deno.statSync(file).size === whole) return;
  try {
    await hands.run(["flock", "-w", "5", file, "sh", "-ec", change, "sh", file, String(whole)]);
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "COMMAND_FAILED") throw error;
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot give the root another size: it holds more, or is in use",
      hint: "Stop the instance, or remove files from it",
      cause: error,
    });
  }
}

/** @throws {DreyError} `NOT_SUPPORTED` if this host cannot mount such files */
export function mustServeImages(): void {
  const missing = ["fuse2fs", "mkfs.ext4", "resize2fs"].find((name) =>
    findTool(name, fullPath()) === undefined
  );
  const why = missing !== undefined
    ? `${missing} is not installed`
    : exists("/dev/fuse")
    ? undefined
    : "there is no /dev/fuse";
  if (why === undefined && canOpen("/dev/fuse")) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: `Roots cannot lie in files here: ${why ?? "/dev/fuse is not open to you"}`,
    hint: "Install fuse2fs, and see to it that /dev/fuse has mode 0666, as udev makes it",
  });
}

/** @throws {DreyError} `NOT_SUPPORTED` */
export function refuseLive(): never {
  throw new DreyError("NOT_SUPPORTED", {
    message: "An instance whose root lies in a file of its own cannot be copied while it runs",
    hint: "Stop it first",
  });
}
