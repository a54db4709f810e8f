import { assertEquals, assertRejects } from "@std/testing";
import { growingBytes } from "./file_bytes.ts";
import { copyFile } from "./copy_file.ts";
import { Growth } from "./growth.ts";

Deno.test("Growth lets readers wait for bytes, for the end, or for a failure", async () => {
  const growth = new Growth();
  const some = growth.until(3);
  growth.grow(2);
  growth.grow(5);
  assertEquals(await some, 5);
  const more = growth.until(9);
  growth.end();
  assertEquals(await more, 5);
  const broken = new Growth();
  const never = broken.until(1);
  broken.fail(new Error("no more"));
  await assertRejects(() => never, Error, "no more");
});

Deno.test("copyFile() copies whole, and growingBytes() reads what is there already", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(18 * 2 ** 20);
    for (let at = 0; at < large.length; at += bytes.length) {
      large.set(bytes.subarray(0, large.length - at), at);
    }
    const [from, to] = [`${directory}/from`, `${directory}/to`];
    await Deno.writeFile(from, large);
    await Deno.writeFile(to, new Uint8Array());
    const growth = new Growth();
    const sizes: number[] = [];
    const copying = copyFile(from, to, (size) => {
      sizes.push(size);
      growth.grow(size);
    }).then(() => growth.end());
    let size = 0;
    for await (const chunk of growingBytes(to, growth)) size += chunk.length;
    await copying;
    assertEquals([size, sizes.at(-1)], [large.length, large.length]);
    assertEquals(await Deno.readFile(to), large);
    await assertRejects(() => copyFile(`${directory}/none`, to, () => {}), Error, "ENOENT");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
