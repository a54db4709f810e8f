// What virtual machines need beside an image, kept between tests: a kernel is fetched once per run, not once per test.

import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { exists } from "../../sys/present.ts";
import { fetchKernel, findKernel } from "../../runtime/vm/kernel.ts";
import type { Drey } from "./drey.ts";
import { testDirectory } from "./needs.ts";

/**
 * Gives a drey the kernel that another test has fetched, and what machines have kept of their memory; the first one
 * fetches it.
 */
export async function lendKernel(drey: Drey): Promise<void> {
  const cache = join(testDirectory(), "machines");
  if (!exists(cache)) {
    const making = `${cache}.${Deno.pid}`;
    const kernels = join(making, "kernels");
    await Deno.mkdir(kernels, { recursive: true });
    if (findKernel(kernels) === undefined) await fetchKernel(kernels);
    await Deno.rename(making, cache);
  }
  const machines = join(drey.directory, "machines");
  await Deno.mkdir(join(testDirectory(), "memories"), { recursive: true });
  await runChecked(["cp", "-al", "--", cache, machines]);
  await Deno.symlink(join(testDirectory(), "memories"), join(machines, "memories"));
}
