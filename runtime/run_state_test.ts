import { assertEquals, assertThrows } from "@std/testing";
import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd } from "../sys/descriptors.ts";
import { stopConsole } from "./console_keeper.ts";
import { claimRunDirectory, exitStatus, initPid, isAlive, waitForEnd } from "./run_state.ts";

async function inDirectory(test: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(join(directory, "c1"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a run directory is claimed by one, for as long as that one lives", () =>
  inDirectory((directory) => {
    assertEquals(isAlive(directory), false);
    const lock = claimRunDirectory(directory);
    assertEquals(isAlive(directory), true);
    assertEquals(assertThrows(() => claimRunDirectory(directory), DreyError).code, "INSTANCE_STATE");
    closeFd(lock);
    assertEquals(isAlive(directory), false);
  }));

Deno.test("what is not written yet is nothing", () =>
  inDirectory((directory) => {
    assertEquals([initPid(directory), exitStatus(directory)], [undefined, undefined]);
    closeFd(claimRunDirectory(directory));
    for (const [file, text] of [["init.pid", ""], ["exit", ""]]) {
      Deno.writeTextFileSync(join(directory, file!), text!);
    }
    assertEquals([initPid(directory), exitStatus(directory)], [undefined, undefined]);
    Deno.writeTextFileSync(join(directory, "exit"), "129\n");
    assertEquals(exitStatus(directory), 129);
  }));

Deno.test("stopConsole() ends no process that only has the pid of the log keeper", () =>
  inDirectory(async (directory) => {
    closeFd(claimRunDirectory(directory));
    const stranger = new Deno.Command("sleep", { args: ["60"] }).spawn();
    Deno.writeTextFileSync(join(directory, "console.pid"), String(stranger.pid));
    await stopConsole(directory);
    assertEquals(await waitForEnd(stranger.pid, 100), false);
    stranger.kill("SIGKILL");
    await stranger.status;
  }));

Deno.test("stopConsole() leaves word for a log keeper that is still to begin", () =>
  inDirectory(async (directory) => {
    closeFd(claimRunDirectory(directory));
    await stopConsole(directory);
    assertEquals(Deno.readTextFileSync(join(directory, "console.pid")), "");
  }));

Deno.test("waitForEnd() says whether a process has ended", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  assertEquals(await waitForEnd(child.pid, 50), false);
  child.kill("SIGKILL");
  assertEquals(await waitForEnd(child.pid, 5000), true);
  await child.status;
  assertEquals(await waitForEnd(child.pid, 0), true);
});
