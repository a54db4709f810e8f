import { assertEquals, assertRejects } from "@std/testing";
import { exitOf, startProgram } from "./posix_spawn.ts";

Deno.test("how a program ended is told once", async () => {
  const pid = startProgram(["sh", "-c", "exit 7"], { stdio: [0, 1, 2] });
  assertEquals(await exitOf(pid), 7);
  await assertRejects(() => exitOf(pid), Error, "no child to wait for");
});
