import { assert, assertEquals } from "@std/testing";
import { closeFd } from "./descriptors.ts";
import { libc } from "./libc.ts";
import { exitOf, startPiped } from "./posix_spawn.ts";
import { openPidfd, sendSignal, signals, waitPidfd } from "./processes.ts";
import { run } from "./run.ts";

Deno.test("waitPidfd() goes on waiting when a signal comes to the thread that waits", async () => {
  const heard = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGUSR2", heard.resolve);
  using child = startPiped(["cat"]);
  const fd = openPidfd(child.pid) ?? -1;
  try {
    let isOver = false;
    const ended = waitPidfd(fd, -1).finally(() => isOver = true);
    await waitsInPoll();
    signalEveryThread(signals.USR2);
    await heard.promise;
    // what the thread has returned with would have come by now, or comes below
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert(!isOver);
    sendSignal(child.pid, signals.KILL);
    assert(await ended);
  } finally {
    Deno.removeSignalListener("SIGUSR2", heard.resolve);
    closeFd(fd);
    sendSignal(child.pid, signals.KILL);
    await exitOf(child.pid);
  }
});

Deno.test("programs tell how they ended though whoever started drey ignores SIGCHLD and has no PATH", async () => {
  const script = `import { exitOf, startProgram } from "${import.meta.resolve("./posix_spawn.ts")}";
    import { run } from "${import.meta.resolve("./run.ts")}";
    const one = await exitOf(startProgram(["sh", "-c", "exit 7"], { stdio: [0, 1, 2] }));
    console.log(one, (await run(["sh", "-c", "perl -e 'exit 8'; exit $?"])).code);`;
  const ignoring = ["/usr/bin/perl", "-e", '$SIG{CHLD} = "IGNORE"; delete $ENV{PATH}; exec @ARGV'];
  const { stdout, stderr } = await run([...ignoring, Deno.execPath(), "eval", "--quiet", script]);
  assertEquals([stdout, stderr], ["7 8\n", ""]);
});

const isIntel = Deno.build.arch === "x86_64";

/** Until one of this process's threads is in poll(2), or ppoll(2) where there is no other. */
async function waitsInPoll(): Promise<void> {
  const start = isIntel ? "7 " : "73 ";
  while (!threads().some((thread) => callOf(thread).startsWith(start))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const threads = () => [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);

/** The system call a thread is in, proc_pid_syscall(5). */
function callOf(thread: string): string {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${thread}/syscall`);
  } catch {
    return ""; // it has ended meanwhile
  }
}

/** @see tgkill(2) */
function signalEveryThread(signal: number): void {
  const tgkill = isIntel ? 234n : 131n;
  for (const thread of threads()) libc.syscall(tgkill, BigInt(Deno.pid), BigInt(thread), BigInt(signal));
}
