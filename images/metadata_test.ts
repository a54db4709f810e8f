import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { formatMetadata, type ImageMetadata, parseMetadata } from "./metadata.ts";

Deno.test("parseMetadata() reads what LXD's images hold", async () => {
  const metadata = await parseMetadata(`
architecture: amd64
creation_date: 1700000000
expiry_date: 1800000000
properties:
  os: Debian
  release: 12
  serial: 2024-11-20
  empty:
templates:
  /etc/hostname:
    when: [create, copy, nonsense]
    create_only: false
    template: hostname.tpl
    properties: {}
`);
  assertEquals(metadata.architecture, "x86_64");
  assertEquals([metadata.creation_date, metadata.expiry_date], [1700000000, 1800000000]);
  assertEquals(metadata.properties.release, "12");
  assertEquals(metadata.properties.empty, "");
  assertEquals(metadata.templates["/etc/hostname"], {
    when: ["create", "copy"],
    template: "hostname.tpl",
    create_only: false,
    properties: {},
  });
});

Deno.test("formatMetadata() writes what parseMetadata() reads", async () => {
  const metadata: ImageMetadata = {
    architecture: "aarch64",
    creation_date: 1,
    expiry_date: 0,
    properties: { os: "Debian", serial: "20261120_21:05", version: "12" },
    templates: {},
  };
  assertEquals(await parseMetadata(await formatMetadata(metadata)), metadata);
});

const wrong: Record<string, string> = {
  "[": "no YAML",
  "- a": "not a map",
  "architecture: pdp11": "no known architecture",
  "creation_date: 1": "no known architecture",
  "{architecture: x86_64, creation_date: soon}": '"creation_date"',
  "{architecture: x86_64, properties: [a]}": '"properties"',
  "{architecture: x86_64, properties: {a: {b: c}}}": '"properties.a"',
  "{architecture: x86_64, templates: {/etc/x: {template: ../../passwd}}}": "names no file",
};

for (const [text, says] of Object.entries(wrong)) {
  Deno.test(`parseMetadata() refuses ${text}`, async () => {
    const error = await assertRejects(() => parseMetadata(text), DreyError, says);
    assertEquals(error.code, "IMAGE_INVALID");
  });
}
