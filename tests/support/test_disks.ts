// File systems in files that root mounts for the tests of an ordinary user, who could not: a btrfs, and a small ext4
// that is soon full.

import { join } from "@std/path";
import { run, runChecked } from "../../sys/run.ts";
import { findAbandoned, partialName } from "../../sys/partial.ts";

export interface TestDisks extends AsyncDisposable {
  /** `DREY_TEST_BTRFS` and `DREY_TEST_SMALL`, where they can be had */
  env: Record<string, string>;
}

interface Disk {
  variable: string;
  size: string;
  make: readonly string[];
  options: string;
}

const disks: readonly Disk[] = [
  {
    variable: "DREY_TEST_BTRFS",
    size: "600M",
    make: ["mkfs.btrfs", "-q"],
    options: "user_subvol_rm_allowed",
  },
  { variable: "DREY_TEST_SMALL", size: "48M", make: ["mkfs.ext4", "-q"], options: "noatime" },
];

const parent = "/var/tmp";
const name = "drey-test-disks";

/** Makes and mounts them for a user; what a killed run has left is removed first. */
export async function openTestDisks(owner: { uid: number; gid: number }): Promise<TestDisks> {
  await sweep();
  const directory = partialName(join(parent, name));
  await Deno.mkdir(directory, { mode: 0o755 });
  const env: Record<string, string> = {};
  for (const disk of disks) {
    const place = await mountDisk(directory, disk);
    if (place === undefined) continue;
    await Deno.chown(place, owner.uid, owner.gid);
    env[disk.variable] = place;
  }
  return { env, [Symbol.asyncDispose]: () => remove(directory) };
}

/** The place a disk is mounted at; undefined, with the reason told, where that cannot be. */
async function mountDisk(directory: string, { variable, size, make, options }: Disk) {
  const file = join(directory, `${variable}.img`);
  const place = join(directory, variable);
  await runChecked(["truncate", "-s", size, file]);
  await Deno.mkdir(place);
  for (const argv of [[...make, file], ["mount", "-o", `loop,${options}`, file, place]]) {
    const said = await run(argv).then(({ code, stderr }) => code === 0 ? undefined : stderr.trim(), String);
    if (said === undefined) continue;
    console.log(`Without ${variable}, some tests are skipped: ${said}`);
    return undefined;
  }
  return place;
}

/** Removes what runs have left that were killed. */
async function sweep(): Promise<void> {
  for (const path of findAbandoned(parent)) {
    if (path.startsWith(join(parent, name))) await remove(path);
  }
}

/** Unmounts all that is mounted below a directory, which frees the loop devices too, and removes it. */
async function remove(directory: string): Promise<void> {
  for (const { variable } of disks) {
    // fails where nothing is mounted
    await run(["umount", "--lazy", join(directory, variable)]);
  }
  await Deno.remove(directory, { recursive: true });
}
