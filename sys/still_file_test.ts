import { assert, assertEquals } from "@std/testing";
import { stillFile } from "./still_file.ts";

Deno.test("stillFile() knows a file that was written to, replaced or taken away since", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/file`;
  const later = Date.now() + 60_000;
  const changes = [
    () => Deno.writeTextFile(path, "b", { append: true }),
    () => Deno.truncate(path),
    async () => {
      await Deno.writeTextFile(`${dir}/other`, "a");
      await Deno.rename(`${dir}/other`, path);
    },
    () => Deno.remove(path),
  ];
  for (const change of changes) {
    await Deno.writeTextFile(path, "a");
    // long ago, so that the change shows whatever the clock of the kernel
    await Deno.utime(path, 1, 1);
    const still = stillFile(path, later);
    assert(still !== undefined && still.isStill());
    await change();
    assertEquals(still.isStill(), false);
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("stillFile() trusts no file that was changed a moment ago, and no directory", async () => {
  const path = await Deno.makeTempFile();
  assertEquals(stillFile(path), undefined);
  assertEquals(stillFile("/proc", Date.now() + 60_000), undefined);
  await Deno.remove(path);
});

Deno.test("stillFile() tells where a file is, whatever it was called", () => {
  const directory = Deno.cwd();
  assertEquals(stillFile("deno.json", Date.now() + 60_000)?.path, `${directory}/deno.json`);
});
