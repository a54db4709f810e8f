import { DreyError } from "../errors.ts";
import { assertEquals, assertRejects } from "@std/testing";
import { multipartBody, readParts } from "./multipart.ts";

/** Text in pieces of a few bytes, so that every mark is cut somewhere. */
function trickle(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, at) => bytes.slice(at * size, (at + 1) * size),
  );
  return ReadableStream.from(pieces);
}

const body = `--b\r
Content-Disposition: form-data; name="metadata"; filename="meta.tar.xz"\r
\r
one\r\n--not the end\r
--b\r
Content-Disposition: form-data; name="rootfs"\r
Content-Type: application/octet-stream\r
\r
two\r
--b--\r
`;

for (const size of [1, 2, 7, 1000]) {
  Deno.test(`readParts() reads parts that arrive ${size} bytes at a time`, async () => {
    const found = [];
    for await (const part of readParts(trickle(body, size), "multipart/form-data; boundary=b")) {
      found.push([part.name, part.filename, await new Response(part.body).text()]);
    }
    assertEquals(found, [["metadata", "meta.tar.xz", "one\r\n--not the end"], ["rootfs", undefined, "two"]]);
  });
}

Deno.test("readParts() refuses a body that ends in the middle", async () => {
  const read = async () => {
    for await (const part of readParts(trickle(body.slice(0, 150), 10), "multipart/form-data; boundary=b")) {
      await part.body.pipeTo(new WritableStream());
    }
  };
  await assertRejects(read, DreyError, "it ends in the middle");
});

Deno.test("multipartBody() makes what readParts() and Deno's own reader understand", async () => {
  const source = (name: string, text: string) => ({
    name,
    filename: `${name}.tar`,
    open: () => Promise.resolve({ readable: trickle(text, 3) }),
  });
  const make = () => multipartBody([source("metadata", "first"), source("rootfs", "second")]);
  const ours = make();
  const found = [];
  for await (const part of readParts(ours.body, ours.contentType)) {
    found.push(await new Response(part.body).text());
  }
  assertEquals(found, ["first", "second"]);

  const { body, contentType } = make();
  const form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  assertEquals((form.get("rootfs") as File).name, "rootfs.tar");
});
