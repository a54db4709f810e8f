import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { spawn } from "../../sys/run.ts";
import { runRecorded } from "./exec_streams.ts";

Deno.test("of output that is recorded the beginning is kept, and the command runs to its end", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const files = { stdout: join(directory, "out"), stderr: join(directory, "err") };
    const run = (script: string) =>
      runRecorded(
        spawn(["sh", "-c", script], { stdin: "piped", stdout: "piped", stderr: "piped" }),
        files,
        1000,
      );
    const lengths = () => Object.values(files).map((path) => Deno.statSync(path).size);
    assertEquals(await run("head -c 200000 /dev/zero; echo err >&2; exit 4"), { code: 4, isCut: true });
    assertEquals(lengths(), [1000, 4]);
    assertEquals(await run("head -c 1000 /dev/zero"), { code: 0, isCut: false });
    assertEquals(lengths(), [1000, 0]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
