import { assertEquals, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { mustBeWritable, saveBody } from "./files.ts";

Deno.test("saving a file touches none beside it, and leaves nothing if what comes is cut off", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "web.tar.gz");
  const other = `${path}.part`;
  await Deno.writeTextFile(other, "somebody's");
  await mustBeWritable(path);
  await saveBody(path, new Blob(["whole"]).stream());
  const cut = new ReadableStream<Uint8Array>({ pull: (control) => control.error(new Error("cut off")) });
  await assertRejects(() => saveBody(path, cut), Error, "cut off");
  assertEquals(await Deno.readTextFile(other), "somebody's");
  assertEquals(await Deno.readTextFile(path), "whole");
  assertEquals([...Deno.readDirSync(directory)].length, 2);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("who is interrupted while saving a file leaves nothing of it", async () => {
  const directory = await Deno.makeTempDir();
  const module = JSON.stringify(import.meta.resolve("./files.ts"));
  const path = JSON.stringify(join(directory, "web.tar.gz"));
  const pull = 'pull(control) { control.enqueue(new Uint8Array(9)); Deno.kill(Deno.pid, "SIGINT"); }';
  const code = `import { saveBody } from ${module};
    await saveBody(${path}, new ReadableStream({ ${pull} }, { highWaterMark: 0 }));`;
  const { code: status } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  assertEquals(status, 130);
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory, { recursive: true });
});
