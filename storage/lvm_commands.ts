// Calls of lvm(8): thin logical volumes of a volume group. Knows nothing of what is in them.

import { DreyError } from "../errors.ts";
import { commandFailed, fullPath, run } from "../sys/run.ts";
import { exists } from "../sys/present.ts";

/** Where the logical volumes of a pool are. */
export interface Group {
  vg: string;
  thinPool: string;
}

/** `bytes` of a thin pool, and how full what describes them is. */
export interface PoolSpace {
  total: number;
  used: number;
  /** 0 to 100 */
  metadataPercent: number;
}

/**
 * Runs a command of lvm(8) and answers with what it printed. Where no udev runs, lvm makes the device nodes itself
 * instead of waiting for them; nobody is left behind to watch the pool. A thin pool that is full says so at once.
 *
 * @throws {DreyError} `COMMAND_FAILED`, `TOOL_MISSING`
 */
export async function lvm(command: string, ...argv: readonly string[]): Promise<string> {
  const nodes = exists("/run/udev/control") ? "" : " udev_sync=0 udev_rules=0";
  const env = { PATH: fullPath(), LC_ALL: "C", LVM_SUPPRESS_FD_WARNINGS: "1" };
  const words = ["lvm", command, "--config", `activation{monitoring=0 error_when_full=1${nodes}}`, ...argv];
  const { code, stdout, stderr } = await run(words, { env });
  if (code === 0) return stdout;
  throw commandFailed(`lvm ${command}`, { code, stderr: reason(stderr) });
}

/** What went wrong, on one line, without what lvm only warns of. */
function reason(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const wrong = lines.filter((line) => !line.startsWith("WARNING"));
  return (wrong.length > 0 ? wrong : lines).join(" ");
}

/** Rows of a report of lvm's, each with the fields that were asked for; sizes in bytes. */
export async function report(command: string, fields: readonly string[], of: readonly string[]) {
  const form = ["--noheadings", "--units", "b", "--nosuffix", "--separator", "\t"];
  const text = await lvm(command, ...form, "-o", fields.join(","), ...of);
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "")
    .map((line) => line.split("\t").map((field) => field.trim()));
}

/** The block device of a logical volume. A dash in a name is doubled, since one parts the names. dmsetup(8) */
export function devicePath({ vg }: Group, lv: string): string {
  const escaped = (name: string) => name.replaceAll("-", "--");
  return `/dev/mapper/${escaped(vg)}-${escaped(lv)}`;
}

/** A size as lvm takes it: in whole sectors. */
export const sized = (bytes: number): string => `${Math.ceil(bytes / 512)}s`;

/** Makes an empty volume of a size in `bytes`, which takes no space yet. */
export async function createThin({ vg, thinPool }: Group, lv: string, size: number): Promise<void> {
  await lvm("lvcreate", "-q", "-Wn", "-V", sized(size), "--thinpool", thinPool, "-n", lv, vg);
}

/** Makes a volume that shares the present blocks of another; a file system that is mounted there is kept still. */
export async function snapshotThin({ vg }: Group, from: string, to: string): Promise<void> {
  await lvm("lvcreate", "-q", "-s", "-kn", "-n", to, `${vg}/${from}`);
}

/** Gives a volume a size in `bytes`. What is in it must have been made smaller before. */
export async function sizeThin({ vg }: Group, lv: string, size: number): Promise<void> {
  await lvm("lvresize", "-q", "-f", "-L", sized(size), `${vg}/${lv}`);
}

/** `bytes` that the group gives out at a time. */
export async function extentSize({ vg }: Group): Promise<number> {
  const rows = await report("vgs", ["vg_extent_size"], [vg]);
  return Number(rows[0]?.[0] ?? 0);
}

/**
 * Removes a volume, if it is there. Who starts an instance has all mounts of the host for a moment, so one that is in
 * use is tried again for a while.
 *
 * @param tries how often, a tenth of a second apart
 * @returns whether it is gone; not if it stays in use
 */
export async function removeThin({ vg }: Group, lv: string, tries: number): Promise<boolean> {
  for (let left = tries;; left--) {
    try {
      await lvm("lvremove", "-q", "-f", `${vg}/${lv}`);
      return true;
    } catch (error) {
      if (!(error instanceof DreyError) || error.code !== "COMMAND_FAILED") throw error;
      if (/[Ff]ailed to find logical volume/.test(error.message)) return true;
      if (!/in use|busy/i.test(error.message)) throw error;
      if (left <= 1) return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How full a thin pool is. */
export async function poolSpace({ vg, thinPool }: Group): Promise<PoolSpace> {
  const fields = ["lv_size", "data_percent", "metadata_percent"];
  const rows = await report("lvs", fields, [`${vg}/${thinPool}`]);
  const [total = 0, data = 0, metadataPercent = 0] = (rows[0] ?? []).map(Number);
  return { total, used: Math.round(total * data / 100), metadataPercent };
}
