import { DreyError } from "../errors.ts";
import { assertEquals, assertRejects } from "@std/testing";
import { sealDescriptors } from "./descriptors.ts";
import { exitOf, startAside, startProgram, startSpeaking } from "./posix_spawn.ts";

Deno.test("how a program ended is told once", async () => {
  const pid = startProgram(["sh", "-c", "exit 7"], { stdio: [0, 1, 2] });
  assertEquals(await exitOf(pid), 7);
  await assertRejects(() => exitOf(pid), Error, "no child to wait for");
});

Deno.test("a program that another thread starts has its words, its environment and its pipes, and no more", async () => {
  sealDescriptors(); // what the test runner was given
  const script = 'read line; echo "$0 $word $line"; ls /proc/self/fd | wc -l; exit 3';
  const program = startSpeaking(["/bin/sh", "-c", script, "one two"], {
    env: { word: "three", PATH: "/usr/bin:/bin" },
    inherited: [],
    isAside: true,
  });
  const { input, output, errors } = program;
  await input.write(new TextEncoder().encode("four\n"));
  input.close();
  const code = await exitOf(await program.pid);
  const said = await Promise.all([output, errors].map(({ file }) => new Response(file.readable).text()));
  // the fourth is the directory that ls reads
  assertEquals([code, ...said], [3, "one two three four\n4\n", ""]);
});

Deno.test("a program that is not there is missing, whichever thread should start it", async () => {
  const lost = { stdio: [0, 1, 2] as const, env: {} };
  const error = await assertRejects(() => startAside(["/nonexistent/program"], lost), DreyError);
  assertEquals(error.code, "TOOL_MISSING");
});
