import { assertEquals, assertMatch, assertRejects } from "@std/testing";
import { createHash } from "node:crypto";
import { DreyError } from "../errors.ts";
import { runChecked } from "../sys/run.ts";
import { areTrue, isOciArchive, ociArchive, openOciArchive } from "./oci_archive.ts";
import { writeTar } from "./tar.ts";

const digest = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const described = (text: string, more = {}) => ({ digest: digest(text), size: text.length, ...more });

const layers = ["lower layer", "upper"];
const config = JSON.stringify({ architecture: "amd64", os: "linux", config: { Cmd: ["sh"] } });
const manifest = JSON.stringify({ config: described(config), layers: layers.map((text) => described(text)) });
const raw = { manifest, config };

const blobs = (texts: readonly string[]) =>
  Object.fromEntries(texts.map((text) => [`blobs/sha256/${digest(text).slice(7)}`, text]));
const whole = blobs([...layers, config, manifest]);
const indexOf = (...manifests: unknown[]) => JSON.stringify({ schemaVersion: 2, manifests });
const linux = (architecture: string) => ({ platform: { os: "linux", architecture } });

async function withArchive<T>(
  files: Record<string, string>,
  use: (path: string, directory: string) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    const content = (text: string) => new TextEncoder().encode(text);
    const mtime = new Date(0);
    const rows = Object.entries(files).map(([name, text]) => ({ name, content: content(text), mtime }));
    await Deno.writeFile(`${directory}.tar`, writeTar(rows));
    return await use(`${directory}.tar`, directory);
  } finally {
    await Deno.remove(`${directory}.tar`);
    await Deno.remove(directory, { recursive: true });
  }
}

const open = (files: Record<string, string>) =>
  withArchive(files, (path, directory) => openOciArchive(path, { directory, architecture: "x86_64" }));

const names: Record<string, Record<string, string>> = {
  "of one image": { ...whole, "index.json": indexOf(described(manifest)) },
  "whose names begin with a dot": Object.fromEntries(
    Object.entries({ ...whole, "index.json": indexOf(described(manifest)) }).map((
      [key, text],
    ) => [`./${key}`, text]),
  ),
  "of several architectures": {
    ...whole,
    "index.json": indexOf(described("other", linux("s390x")), described(manifest, linux("amd64"))),
  },
  "with an index in its index, and an attestation beside the image": (() => {
    const inner = indexOf(
      described(manifest, linux("amd64")),
      described("attested", { platform: { os: "unknown", architecture: "unknown" } }),
    );
    return { ...whole, ...blobs([inner]), "index.json": indexOf(described(inner)) };
  })(),
};

for (const [what, files] of Object.entries(names)) {
  Deno.test(`openOciArchive() finds the image in an archive ${what}`, async () => {
    const found = await open(files);
    assertEquals([found.digest, found.raw, found.config.cmd], [digest(manifest), raw, ["sh"]]);
    assertEquals(found.manifest.layers.map(({ digest }) => digest), layers.map(digest));
  });
}

const { [`blobs/sha256/${digest("upper").slice(7)}`]: _, ...lacking } = whole;
const index = indexOf(described(manifest));
const wrong: Record<string, [files: Record<string, string>, says: RegExp]> = {
  "without an index": [whole, /holds no index.json/],
  "that lacks a layer": [{ ...lacking, "index.json": index }, /lacks the blob/],
  "with a blob that was changed": [
    { ...whole, [`blobs/sha256/${digest("upper").slice(7)}`]: "UPPER", "index.json": index },
    /does not have the digest/,
  ],
  "of several images": [
    { ...whole, "index.json": indexOf(described(manifest), described(config)) },
    /several images/,
  ],
  "of no image": [{ ...whole, "index.json": indexOf() }, /names no image/],
  "for other processors": [
    { ...whole, "index.json": indexOf(described("a", linux("s390x")), described("b", linux("riscv64"))) },
    /no version for linux.amd64/,
  ],
  "whose index is none": [{ ...whole, "index.json": "[1" }, /no JSON/],
  "whose index names itself in vain": [
    (() => {
      let inner = indexOf(described(manifest));
      const all = [inner];
      for (let depth = 0; depth < 6; depth++) all.push(inner = indexOf(described(inner)));
      return { ...whole, ...blobs(all), "index.json": inner };
    })(),
    /name each other/,
  ],
  "whose manifest is no JSON": [{ ...blobs(["{"]), "index.json": indexOf(described("{")) }, /no JSON/],
  "whose layer has another size": [
    (() => {
      const lying = manifest.replace(`"size":${"upper".length}`, '"size":1');
      return { ...whole, ...blobs([lying]), "index.json": indexOf(described(lying)) };
    })(),
    /another size/,
  ],
};

for (const [what, [files, says]] of Object.entries(wrong)) {
  Deno.test(`openOciArchive() refuses an archive ${what}`, async () => {
    const error = await assertRejects(() => open(files), DreyError);
    assertMatch(error.message, says);
  });
}

Deno.test("isOciArchive() tells archives by their first file, packed or not", async () => {
  const is = (files: Record<string, string>) => withArchive(files, (path) => isOciArchive(path));
  assertEquals(await is({ "oci-layout": "{}", "x": "" }), true);
  assertEquals(await is(whole), true);
  assertEquals(await is({ "metadata.yaml": "x", "oci-layout": "{}" }), false);
  assertEquals(await is({}), false);
  await withArchive(whole, async (path) => {
    await runChecked(["gzip", "-k", path]);
    assertEquals(await isOciArchive(`${path}.gz`), true);
    await Deno.truncate(`${path}.gz`, 30);
    assertEquals(await isOciArchive(`${path}.gz`), false);
    await Deno.remove(`${path}.gz`);
    await Deno.writeTextFile(path, "no archive");
    assertEquals(await isOciArchive(path), false);
  });
});

Deno.test("ociArchive() gives what openOciArchive() takes, the same bytes each time, of the size it says", async () => {
  const found = await open({ ...whole, "index.json": index });
  await withArchive({}, async (path, directory) => {
    for (const text of layers) await Deno.writeTextFile(`${directory}/${digest(text).slice(7)}`, text);
    const layer = (of: string) => `${directory}/${of.slice(7)}`;
    const archive = ociArchive({ ...found, name: "org/app:1", layer });
    await Deno.writeFile(path, ReadableStream.from(archive.bytes()));
    const bytes = await Deno.readFile(path);
    assertEquals(bytes.length, archive.size);
    await Deno.mkdir(`${directory}/in`);
    const again = await openOciArchive(path, { directory: `${directory}/in`, architecture: "x86_64" });
    assertEquals(again, { ...found, name: "org/app:1" });
    await Deno.writeFile(path, ReadableStream.from(archive.bytes()));
    assertEquals(await Deno.readFile(path), bytes);
  });
});

Deno.test("areTrue() holds documents against their digests", async () => {
  const digests = { manifest: digest(manifest), config: digest(config) };
  assertEquals(await areTrue(raw, digests), true);
  assertEquals(await areTrue({ ...raw, config: `${config} ` }, digests), false);
});
