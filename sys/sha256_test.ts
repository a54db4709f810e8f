import { assert, assertEquals } from "@std/testing";
import { closeFd, O_RDONLY, openFd } from "./descriptors.ts";
import { libcryptoSha256, nodeSha256, type Sha256 } from "./sha256.ts";

const makers: Record<string, () => Promise<Sha256 | undefined>> = {
  libcryptoSha256: () => Promise.resolve(libcryptoSha256()),
  nodeSha256,
};

const openAsFd = (path: string) => {
  const fd = openFd(path, O_RDONLY);
  return { fd, [Symbol.dispose]: () => closeFd(fd) };
};

const bytes = new Uint8Array(300_000).map((_, index) => index * 7 + (index >> 8));
const expected = async (size: number) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(0, size))).toHex();

for (const [name, make] of Object.entries(makers)) {
  const hash = await make();
  Deno.test({
    name: `${name}() digests bytes that come in any pieces, and tells the digest at any time`,
    ignore: hash === undefined, // the host has no libcrypto
    async fn() {
      assert(hash !== undefined);
      assertEquals(hash.hex(), await expected(0));
      let size = 0;
      for (const piece of [1, 62, 1, 64, 0, 65, 131_072, 100_000]) {
        await hash.update(bytes.subarray(size, size += piece));
        assertEquals(hash.hex(), await expected(size));
        assertEquals(hash.hex(), await expected(size));
      }
    },
  });
  Deno.test({
    name: `${name}() digests ranges of a file, of several megabytes and from anywhere`,
    ignore: hash === undefined,
    async fn() {
      const path = await Deno.makeTempFile();
      const content = new Uint8Array((17 << 20) + 5).map((_, index) => index * 7 + (index >> 8));
      await Deno.writeFile(path, content);
      using file = openAsFd(path);
      const one = await make();
      const ends = [0, 1, 70_000, 70_000, 9 << 20, content.length];
      for (const [at, to] of ends.entries()) await one!.updateFrom(file.fd, { from: ends[at - 1] ?? 0, to });
      assertEquals(one!.hex(), new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex());
      await Deno.remove(path);
    },
  });
  Deno.test({
    name: `digests of ${name}() know nothing of each other`,
    ignore: hash === undefined,
    async fn() {
      const both = [await make(), await make()];
      for (let at = 0; at < 10; at++) {
        await Promise.all(both.map((one) => one!.update(bytes.subarray(at * 1000, at * 1000 + 1000))));
      }
      for (const one of both) assertEquals(one!.hex(), await expected(10_000));
    },
  });
}
