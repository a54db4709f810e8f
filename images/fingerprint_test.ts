import { assertEquals } from "@std/testing";
import { runChecked } from "../sys/run.ts";
import { fingerprintOf, imageWriter } from "./fingerprint.ts";

Deno.test("imageWriter() hashes both files as one, as LXD does", async () => {
  const dir = await Deno.makeTempDir();
  async function* content(text: string) {
    yield await Promise.resolve(new TextEncoder().encode(text));
  }
  const writer = await imageWriter();
  assertEquals(await writer.write(`${dir}/a`, content("meta")), 4);
  assertEquals(await writer.write(`${dir}/b`, content("root")), 4);
  const expected = (await runChecked(["sh", "-c", "printf metaroot | sha256sum"])).slice(0, 64);
  assertEquals(writer.fingerprint(), expected);
  assertEquals(await fingerprintOf([`${dir}/a`, `${dir}/b`]), expected);
  await Deno.remove(dir, { recursive: true });
});
