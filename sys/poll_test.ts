import { assertEquals } from "@std/testing";
import { closeFd } from "./descriptors.ts";
import { isReadable } from "./poll.ts";
import { exitOf, startPiped } from "./posix_spawn.ts";
import { openPidfd, sendSignal, signals, waitPidfd } from "./processes.ts";

Deno.test("however many wait for descriptors, there are threads for others, and each is told in time", async () => {
  // more than Deno has threads for
  const programs = Array.from({ length: 40 }, () => {
    const program = startPiped(["cat"]);
    return { program, pidfd: openPidfd(program.pid) ?? -1 };
  });
  try {
    const ends = programs.map(({ pidfd }) => waitPidfd(pidfd, -1));
    const late = programs.slice(0, 3).map(({ pidfd }) => waitPidfd(pidfd, 50));
    // this one takes a thread as well
    assertEquals((await Deno.stat("/")).isDirectory, true);
    assertEquals(await Promise.all(late), [false, false, false]);
    const [first] = programs.splice(17, 1);
    sendSignal(first!.program.pid, signals.KILL);
    assertEquals(await ends.splice(17, 1)[0], true);
    assertEquals(await isReadable(programs[0]!.pidfd), false);
    await exitOf(first!.program.pid);
    closeFd(first!.pidfd);
    first!.program[Symbol.dispose]();
    for (const { program } of programs) sendSignal(program.pid, signals.KILL);
    assertEquals(await Promise.all(ends), programs.map(() => true));
    assertEquals(await isReadable(programs[0]!.pidfd), true);
  } finally {
    for (const { program, pidfd } of programs) {
      sendSignal(program.pid, signals.KILL);
      await exitOf(program.pid);
      closeFd(pidfd);
      program[Symbol.dispose]();
    }
  }
});
