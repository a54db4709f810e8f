// What is set aside in the bundle stays aside while the fast commands run.

import { assertEquals, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { moveCold } from "../support/cold_modules.ts";
import { e2e, imageFiles } from "../support/drey.ts";
import { deferBuiltins } from "../support/lazy_builtins.ts";
import { rawBundle } from "../support/package.ts";
import warm from "../support/warm.json" with { type: "json" };

/** Writes a bundle that fails where it would enter what is set aside. */
async function writeWithoutCold(path: string): Promise<void> {
  const built = await rawBundle(path);
  if ("problem" in built) throw new Error(built.problem);
  const text = moveCold(deferBuiltins(await Deno.readTextFile(path)), warm);
  const start = "function __cold() {";
  assertStringIncludes(text, start);
  await Deno.writeTextFile(path, text.replace(start, `${start} throw new Error("cold");`));
}

await e2e("no fast command enters the modules that the bundle sets aside", {
  needs: ["userns", "subids"],
  images: [],
}, async (drey) => {
  const raw = join(drey.directory, "drey.js");
  await writeWithoutCold(raw);
  const run = async (...argv: string[]) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", "--no-lock", "--quiet", raw, ...argv],
      env: { ...drey.environment },
      stdin: "null",
    });
    const { code, stderr } = await command.output();
    assertEquals([argv[0], code, new TextDecoder().decode(stderr)], [argv[0], 0, ""]);
  };
  await drey`image import ${await imageFiles("tiny")} --alias tiny`;
  await drey.tries`profile device remove default eth0`;
  await run("--help");
  await run("launch", "tiny", "c1", "--quiet");
  await run("list");
  await run("exec", "c1", "--", "true");
  await run("stop", "--force", "c1");
  await run("start", "c1");
  await run("delete", "--force", "c1");
});
