import { assertEquals } from "@std/testing";
import { run } from "../sys/run.ts";
import { peek } from "./decompress.ts";
import { decompressSmall } from "./decompress_small.ts";

Deno.test("peek() leaves a source that nobody wants the rest of, also at its head", async () => {
  for (const taken of [1, 2]) {
    let isLeft = false;
    const source = async function* () {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(600));
      } finally {
        isLeft = true;
      }
    };
    const { head, whole } = await peek(source());
    assertEquals(head.length, 600);
    let count = 0;
    for await (const _ of whole) if (++count === taken) break;
    assertEquals(isLeft, true);
  }
});

Deno.test("decompressSmall() reads what is whole and short, and nothing else", async () => {
  const path = await Deno.makeTempFile();
  await run(["sh", "-c", `seq 30000 | gzip >${path}`]);
  const packed = await Deno.readFile(path);
  await Deno.remove(path);
  const plain = await decompressSmall(packed, "gzip", 1 << 20);
  assertEquals(new TextDecoder().decode(plain).split("\n").length, 30_001);
  assertEquals(await decompressSmall(packed, "gzip", 1000), undefined);
  assertEquals(await decompressSmall(packed.subarray(0, 10_000), "gzip", 1 << 20), undefined);
  assertEquals(await decompressSmall(packed, "xz", 1 << 20), undefined);
  assertEquals(await decompressSmall(packed, "none", 0), packed);
});
