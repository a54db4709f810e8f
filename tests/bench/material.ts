// What contenders are made of: the bundle, the image they all start from, a directory for what they write.

import { join } from "@std/path";
import { imageFiles } from "../support/drey.ts";
import { testDirectory } from "../support/needs.ts";
import { bundle } from "../support/package.ts";
import type { Material } from "./contender.ts";
import { clear } from "./contenders.ts";

/** The project's directory. */
export const root = join(import.meta.dirname!, "../..");

/** Prepares a directory for these contenders, with the bundle named in the environment; disposing removes it. */
export async function prepareMaterial(names: readonly string[]): Promise<Material & AsyncDisposable> {
  const directory = join(testDirectory(), `bench-${names.join("-")}`);
  await clear(directory);
  await Deno.mkdir(directory, { recursive: true });
  const built = await bundle(join(directory, "drey.js"));
  if ("problem" in built) throw new Error(built.problem);
  Deno.env.set("DREY_BENCH_PROGRAM", built.path);
  const [metadata = "", rootfs = ""] = await imageFiles("debian");
  return { metadata, rootfs, directory, [Symbol.asyncDispose]: () => clear(directory) };
}
