// Pools of driver `dir` as a whole: a directory of drey's own, or one the user names.

import { bool } from "../config/types.ts";
import { DreyError } from "../errors.ts";
import { isDirectory, namesIn } from "../sys/present.ts";
import type { DriverKind, PoolMaking } from "./driver.ts";
import { openDir } from "./dir.ts";
import { cleared } from "./places.ts";

export const kind: DriverKind = {
  name: "dir",
  version: () => Promise.resolve("1"),
  missing: () => Promise.resolve(undefined),
  createPool({ directory, config, uid }) {
    const source = config["source"];
    // its own place may be named, as what pools say of themselves does
    if (source === undefined || source === "" || (source === directory && !isDirectory(source))) {
      Deno.mkdirSync(directory, { recursive: true, mode: 0o711 });
      return Promise.resolve({ ...config, source: directory });
    }
    checkOwnDirectory(source, uid);
    mustBeFresh(source, config);
    closeToOthers(source);
    return Promise.resolve({ ...config });
  },
  openPool(making) {
    const source = sourceOf(making);
    if (source === making.directory) Deno.mkdirSync(source, { recursive: true, mode: 0o711 });
    else mustBeThere(source);
    return Promise.resolve(source);
  },
  async deletePool(making) {
    const source = sourceOf(making);
    await cleared(making.hands, source);
    // volumes are gone; what is left are the directories they were in, and unpacked images
    for (
      const name of [
        "containers",
        "containers-snapshots",
        "custom",
        "custom-snapshots",
        "layers",
        "temporary",
      ]
    ) {
      const path = `${source}/${name}`;
      if (isDirectory(path)) Deno.removeSync(path, { recursive: true });
    }
    if (source === making.directory && isDirectory(source) && namesIn(source).length === 0) {
      Deno.removeSync(source);
    }
  },
  open: openDir,
};

const sourceOf = ({ directory, config }: PoolMaking): string => config["source"] || directory;

/** @throws {DreyError} `CONFLICT` if the directory of a pool is gone, as that of a disk that is not mounted */
export function mustBeThere(source: string): void {
  if (isDirectory(source)) return;
  throw new DreyError("CONFLICT", {
    message: `The directory of the storage pool is not there: "${source}"`,
    hint: "Mount its disk, or put it back",
  });
}

/** A pool holds files of many ids and modes: only a directory of the caller's own will do. */
export function checkOwnDirectory(source: string, uid: number): void {
  if (!source.startsWith("/")) throw bad(`Source path "${source}" is not absolute`);
  if (!isDirectory(source)) throw bad(`Source path "${source}" is not a directory`);
  if (Deno.statSync(source).uid !== uid) {
    throw new DreyError("FORBIDDEN", { message: `Source path "${source}" does not belong to you` });
  }
}

/** A directory becomes a pool if it is empty, or if it is said to hold one. */
export function mustBeFresh(source: string, config: PoolMaking["config"]): void {
  if (isTrue(config["source.recover"]) || namesIn(source).length === 0) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot create the storage pool: Source path "${source}" is not empty`,
    hint: "If it holds a pool of drey's: source.recover=true, and then: drey recover",
  });
}

/** No other user of the host may come to what instances made, above all to programs that run as whoever owns them. */
export function closeToOthers(source: string): void {
  Deno.chmodSync(source, 0o700);
}

/** Whether a setting of yes or no is yes. */
export function isTrue(text: string | undefined): boolean {
  const parsed = bool.parse(text ?? "false");
  return "value" in parsed && parsed.value;
}

const bad = (message: string) =>
  new DreyError("BAD_REQUEST", { message: `Cannot create the storage pool: ${message}` });
