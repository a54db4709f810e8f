// An ext4 in a file, mounted with project quotas, for root where the kernel has such.

import { join } from "@std/path";
import { run, runChecked } from "../../sys/run.ts";
import { testDirectory } from "./needs.ts";

/** Mounts a file system that holds projects to their limits. */
export async function openQuotaDisk(): Promise<AsyncDisposable & { path: string }> {
  await Deno.mkdir(testDirectory(), { recursive: true });
  const directory = await Deno.makeTempDir({ dir: testDirectory(), prefix: "q" });
  const [file, path] = [join(directory, "file"), join(directory, "mount")];
  await Deno.mkdir(path);
  await Deno.chmod(directory, 0o755);
  const close = async () => {
    // what has just ended may hold it for another moment
    await run(["umount", "--lazy", path]);
    await Deno.remove(directory, { recursive: true });
  };
  try {
    await runChecked(["truncate", "-s", "400M", file]);
    await runChecked(["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota", file]);
    await runChecked(["mount", "-o", "loop,prjquota", file, path]);
  } catch (error) {
    await close();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: close };
}
