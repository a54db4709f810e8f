import { createHash } from "node:crypto";
import { assertEquals } from "@std/testing";
import { runChecked } from "../sys/run.ts";
import { offerToCache, takeFromCache } from "./shared_cache.ts";

Deno.test("what is in the shared cache counts only if it is what its name says", async () => {
  const dir = await Deno.makeTempDir();
  const content = new TextEncoder().encode("an image");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const wanted = { sha256, size: content.length };
  const take = () => takeFromCache(dir, wanted, `${dir}/taken`);
  assertEquals(await take(), false);
  await Deno.writeFile(`${dir}/own`, content);
  await offerToCache(dir, sha256, `${dir}/own`);
  assertEquals(await take(), true);
  assertEquals(await Deno.readFile(`${dir}/taken`), content);
  // somebody who may write there
  const place = `${dir}/${sha256}`;
  await Deno.writeTextFile(place, "an enemy");
  assertEquals([await take(), (await Deno.stat(`${dir}/taken`)).size], [false, 0]);
  await Deno.remove(place);
  await Deno.symlink(`${dir}/own`, place);
  assertEquals(await take(), false);
  await Deno.remove(place);
  await runChecked(["mkfifo", place]);
  assertEquals(await take(), false);
  await offerToCache("/proc/nowhere", sha256, `${dir}/own`);
  await Deno.remove(dir, { recursive: true });
});
