// What virtual machines need beside an image, kept between tests: a kernel is fetched once per run, not once per test.

import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { exists } from "../../sys/present.ts";
import { fetchKernel, findKernel } from "../../runtime/vm/kernel.ts";
import type { Drey } from "./drey.ts";
import { testDirectory } from "./needs.ts";

/** Gives a drey the kernel that another test has fetched; the first one fetches it. */
export async function lendKernel(drey: Drey): Promise<void> {
  const cache = join(testDirectory(), "machines");
  if (!exists(cache)) {
    const making = `${cache}.${Deno.pid}`;
    const kernels = join(making, "kernels");
    await Deno.mkdir(kernels, { recursive: true });
    if (findKernel(kernels) === undefined) await fetchKernel(kernels);
    await Deno.rename(making, cache);
  }
  await runChecked(["cp", "-al", "--", cache, join(drey.directory, "machines")]);
}
