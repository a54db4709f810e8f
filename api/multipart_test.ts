import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { boundaryOf, multipartBody, readMultipart } from "./multipart.ts";

/** The same bytes in pieces of one size. */
async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.slice(at, at + size));
}

async function collect(parts: ReturnType<typeof readMultipart>) {
  const found: { name: string; filename?: string; bytes: number[] }[] = [];
  for await (const { name, filename, content } of parts) {
    const bytes: number[] = [];
    for await (const chunk of content) bytes.push(...chunk);
    found.push({ name, filename, bytes });
  }
  return found;
}

Deno.test("readMultipart() finds the parts however the body is cut", async () => {
  const form = new FormData();
  const tricky = [13, 10, 45, 45, 13, 13, 10, 45, 0, 255, 10];
  form.append("metadata", new File([new Uint8Array(tricky)], "meta.tar"));
  form.append("rootfs", new File([new Uint8Array()], 'a"b'));
  const request = new Request("http://drey", { method: "POST", body: form });
  const boundary = boundaryOf(request.headers.get("content-type") ?? "") ?? "";
  const bytes = new Uint8Array(await request.arrayBuffer());
  for (const size of [1, 2, 3, 7, 20, 64, 100_000]) {
    const found = await collect(readMultipart(inPieces(bytes, size), boundary));
    assertEquals(found.map(({ name }) => name), ["metadata", "rootfs"]);
    assertEquals(found[0]?.filename, "meta.tar");
    assertEquals(found.map(({ bytes }) => bytes), [tricky, []]);
  }
});

Deno.test("readMultipart() refuses a body that is cut off", async () => {
  const text = '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\nabc';
  const bytes = new TextEncoder().encode(text);
  await assertRejects(() => collect(readMultipart(inPieces(bytes, 9), "x")), DreyError, "no whole multipart");
  await assertRejects(() => collect(readMultipart(inPieces(new Uint8Array(), 9), "x")), DreyError);
});

Deno.test("multipartBody() sends what others and we can read, and its length", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "one\r\n--two");
  const file = { part: "metadata", filename: "m.tar", path, size: 10 };
  const { body, type, length } = multipartBody([file, { ...file, part: "rootfs" }]);
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  assertEquals(bytes.length, length);
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  assertEquals([...form.keys()], ["metadata", "rootfs"]);
  assertEquals(await (form.get("rootfs") as File).text(), "one\r\n--two");
  const found = await collect(readMultipart(inPieces(bytes, 5), boundaryOf(type) ?? ""));
  assertEquals(found.map(({ name }) => name), ["metadata", "rootfs"]);
  await Deno.remove(path);
});
