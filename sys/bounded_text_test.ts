import { assertEquals, assertRejects } from "@std/testing";
import { beginningOf, boundedText } from "./bounded_text.ts";

Deno.test("boundedText() reads characters that come in pieces", async () => {
  const bytes = new TextEncoder().encode("äöü");
  const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 4), bytes.subarray(4)];
  assertEquals(await boundedText(new Response(ReadableStream.from(pieces))), "äöü");
  assertEquals(await boundedText(new Response(null)), "");
});

Deno.test("boundedText() lets go of an answer without an end", async () => {
  let isLetGo = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => void (isLetGo = true),
  });
  await assertRejects(() => boundedText(new Response(endless), 10_000), Error, "longer than 10000 bytes");
  assertEquals(isLetGo, true);
});

Deno.test("beginningOf() reads to the end and keeps the beginning", async () => {
  const pieces = ["abc", "def", "ghi"].map((text) => new TextEncoder().encode(text));
  assertEquals(await beginningOf(ReadableStream.from(pieces), 5), "abcde");
});
