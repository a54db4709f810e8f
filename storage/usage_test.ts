import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { runChecked } from "../sys/run.ts";
import { diskUsage } from "./usage.ts";

Deno.test("what trees take is counted also where du(1) gives up on what moves", async () => {
  const directory = await Deno.makeTempDir();
  const [tree, other, tools] = ["tree", "other", "tools"].map((name) => join(directory, name));
  await Deno.mkdir(join(tree!, "below"), { recursive: true });
  await Deno.mkdir(other!);
  await Deno.mkdir(tools!);
  await Deno.writeTextFile(join(tree!, "below/it's one"), "x".repeat(100_000));
  await Deno.link(join(tree!, "below/it's one"), join(other!, "two"));
  await Deno.symlink("/usr", join(tree!, "link"));
  await Deno.writeTextFile(join(tools!, "du"), "#!/bin/sh\nkill -ABRT $$\n", { mode: 0o755 });
  const usage = (path: string) => {
    const output = (argv: readonly string[]) => runChecked(["env", `PATH=${path}`, ...argv]);
    return diskUsage({ hands: { output } as never }, [tree!, other!]);
  };
  const said = await usage("/usr/bin:/bin");
  assertEquals(said >= 100_000, true);
  assertEquals(await usage(`${tools}:/usr/bin:/bin`), said);
  await Deno.remove(directory, { recursive: true });
});
