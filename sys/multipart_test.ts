import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { boundaryOf, multipartBody, readMultipart } from "./multipart.ts";

/** The same bytes in pieces of one size. */
async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.slice(at, at + size));
}

async function collect(bytes: Uint8Array, { size, boundary }: { size: number; boundary: string }) {
  const found: { name: string; filename?: string; bytes: Uint8Array }[] = [];
  for await (const part of readMultipart(inPieces(bytes, size), { boundary, code: "BAD_REQUEST" })) {
    const { name, filename, content } = part;
    found.push({
      name,
      ...filename !== undefined && { filename },
      bytes: new Uint8Array(await new Response(ReadableStream.from(content)).arrayBuffer()),
    });
  }
  return found;
}

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("readMultipart() finds the parts however the body is cut", async () => {
  const form = new FormData();
  const tricky = new Uint8Array([13, 10, 45, 45, 13, 13, 10, 45, 0, 255, 10]);
  form.append("metadata", new File([tricky], "meta.tar"));
  form.append("rootfs", new File([new Uint8Array()], 'a"b'));
  const request = new Request("http://drey", { method: "POST", body: form });
  const boundary = boundaryOf(request.headers.get("content-type") ?? "") ?? "";
  const bytes = new Uint8Array(await request.arrayBuffer());
  for (const size of [1, 2, 3, 7, 20, 64, 100_000]) {
    const found = await collect(bytes, { size, boundary });
    assertEquals(found.map(({ name }) => name), ["metadata", "rootfs"]);
    assertEquals(found[0]?.filename, "meta.tar");
    assertEquals(found.map(({ bytes }) => bytes), [tricky, new Uint8Array()]);
  }
});

Deno.test("readMultipart() is not deceived by what nearly is its boundary", async () => {
  const content = "\r\n--aab\r\n--aa\r\r\n--\r\n--aaaaab\r\n--aa";
  const text = `before\r\n--aaab\r\nContent-Disposition: form-data; name=x\r\n\r\n${content}\r\n--aaab--`;
  for (let size = 1; size < 40; size++) {
    const [part, ...more] = await collect(encode(text), { size, boundary: "aaab" });
    assertEquals([part?.name, new TextDecoder().decode(part?.bytes), more], ["x", content, []]);
  }
});

Deno.test("readMultipart() refuses a body that is cut off", async () => {
  const bytes = encode('--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\nabc');
  const read = (body: Uint8Array) => collect(body, { size: 9, boundary: "x" });
  await assertRejects(() => read(bytes), DreyError, "no whole multipart");
  await assertRejects(() => read(new Uint8Array()), DreyError, "no whole multipart");
});

Deno.test("readMultipart() passes over what nobody has read of a part", async () => {
  const part = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nabc\r\n`;
  const body = inPieces(encode(`${part("one")}${part("two")}--x--`), 4);
  const names: string[] = [];
  for await (const { name } of readMultipart(body, { boundary: "x", code: "BAD_REQUEST" })) names.push(name);
  assertEquals(names, ["one", "two"]);
});

Deno.test("multipartBody() sends what others and we can read, and its length", async () => {
  const content = encode("one\r\n--two");
  const part = { filename: 'm".tar', size: content.length, open: () => inPieces(content, 3) };
  const sent = multipartBody([{ ...part, name: "metadata" }, { ...part, name: "rootfs" }]);
  const bytes = new Uint8Array(await new Response(sent.body).arrayBuffer());
  assertEquals(bytes.length, sent.length);
  const form = await new Response(bytes, { headers: { "content-type": sent.contentType } }).formData();
  assertEquals([...form.keys()], ["metadata", "rootfs"]);
  assertEquals(await (form.get("rootfs") as File).text(), "one\r\n--two");
  const found = await collect(bytes, { size: 5, boundary: boundaryOf(sent.contentType) ?? "" });
  assertEquals(found.map(({ name }) => name), ["metadata", "rootfs"]);
  const { size: _, ...unknown } = part;
  assertEquals(multipartBody([{ ...unknown, name: "metadata" }]).length, undefined);
});
