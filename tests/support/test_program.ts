// The bundle as a program that end-to-end tests can drive: it is what most people have, and starts in half the time of
// the sources.

import { dirname, join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { bundle } from "./package.ts";
import type { TestUser } from "./test_user.ts";

/** Builds it for a user; the variable that names it, or none, with the reason told, where it cannot be built. */
export async function bundleFor({ name, home }: TestUser): Promise<Record<string, string>> {
  const path = join(home, "bundle", "drey.js");
  await Deno.mkdir(dirname(path), { recursive: true });
  const built = await bundle(path);
  if ("problem" in built) {
    console.log(`The tests drive the sources, since there is no bundle: ${built.problem}`);
    return {};
  }
  // the parts of those that earlier runs have built
  await runChecked(["rm", "-rf", "--", join(home, ".cache", "drey")]);
  await runChecked(["chown", "-R", `${name}:`, dirname(path)]);
  return { DREY_TEST_PROGRAM: path };
}
