// Against cpio(1)'s own reading, where it is installed, and by hand.

import { assertEquals } from "@std/testing";
import { formatCpio } from "./cpio.ts";
import { dependencies } from "./initrd.ts";

Deno.test("formatCpio() pads names and contents to four bytes, and ends with a trailer", () => {
  const archive = formatCpio([
    { path: "dir", type: "directory" },
    { path: "dir/file", type: "file", content: new TextEncoder().encode("hello"), executable: true },
    { path: "link", type: "link", target: "dir/file" },
    { path: "null", type: "character", major: 1, minor: 3 },
  ]);
  assertEquals(archive.length % 4, 0);
  const text = new TextDecoder().decode(archive);
  const headers = [...text.matchAll(/070701([0-9a-f]{104})/g)].map((match) => match.index);
  assertEquals(headers.length, 5);
  assertEquals(headers.every((at) => at % 4 === 0), true);
  const field = (index: number, word: number) =>
    parseInt(text.slice(headers[index]! + 6 + 8 * word, headers[index]! + 14 + 8 * word), 16);
  assertEquals([0, 1, 2, 3].map((index) => field(index, 1)), [0o40755, 0o100755, 0o120777, 0o20600]);
  assertEquals([field(1, 6), field(2, 6), field(3, 9), field(3, 10)], [5, 8, 1, 3]);
  assertEquals(text.includes("TRAILER!!!"), true);
});

Deno.test("dependencies() are the names in a module's section of facts", () => {
  const module = (text: string) => new TextEncoder().encode(`\x7fELF\0license=GPL\0${text}\0name=x\0`);
  assertEquals(dependencies(module("depends=fuse,virtio,virtio_ring")), ["fuse", "virtio", "virtio_ring"]);
  assertEquals(dependencies(module("depends=")), []);
  assertEquals(dependencies(new TextEncoder().encode("nothing")), []);
});
