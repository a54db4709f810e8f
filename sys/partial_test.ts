import { assert, assertEquals } from "@std/testing";
import { findAbandoned, isAbandoned, othersDone, partialName } from "./partial.ts";

Deno.test("work is abandoned once its process has ended, and not before", async () => {
  const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  const name = partialName("volume", child.pid);
  assert(!isAbandoned(name));
  assert(!isAbandoned(partialName("volume")));
  child.kill("SIGKILL");
  await child.status;
  assert(isAbandoned(name));
  assert(!isAbandoned("volume"));
});

Deno.test("a process that has ended abandons its work, also while nobody asks how it ended", async () => {
  // the shell becomes a program that never asks
  const script = "sleep 1000 & echo $!; exec sleep 1000";
  const parent = new Deno.Command("sh", { args: ["-c", script], stdout: "piped" }).spawn();
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  const name = partialName("volume", pid);
  assert(!isAbandoned(name));
  Deno.kill(pid, "SIGKILL");
  while (!isAbandoned(name)) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z "));
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
});

Deno.test("othersDone() waits for other processes, and neither for this one nor for what is abandoned", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-partial-" });
  const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  const other = partialName(`${directory}/removed`, child.pid);
  for (const path of [partialName(`${directory}/mine`), other, `${directory}/whole`]) await Deno.mkdir(path);
  try {
    let isOver = false;
    const waiting = othersDone(directory).then(() => isOver = true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(!isOver);
    child.kill("SIGKILL");
    await child.status;
    await waiting;
    assertEquals(findAbandoned(directory), [other]);
    await othersDone(`${directory}/no-such-directory`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
