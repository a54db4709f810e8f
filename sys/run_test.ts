import { assertEquals } from "@std/testing";
import { run, runNow } from "./run.ts";

Deno.test("programs run from a directory that their caller may no longer enter", async () => {
  const before = Deno.cwd();
  const closed = await Deno.makeTempDir();
  try {
    Deno.chdir(closed);
    await Deno.chmod(closed, 0);
    assertEquals((await run(["true"])).code, 0);
    runNow(["true"]);
  } finally {
    Deno.chdir(before);
    await Deno.remove(closed);
  }
});
