// Images between servers: pulled, pushed, carried; public ones and those that take a secret; and kept up to date.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { elsewhere } from "../support/elsewhere.ts";
import { serveImages } from "../support/image_server.ts";
import { freePort, serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

type Listed = { fingerprint: string; aliases: { name: string }[]; properties: Record<string, string> };

await e2e("images go to and from another server in every mode", { needs }, async (drey) => {
  await using _server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  const token = (await drey`config trust add --name me`).trim();
  const here = elsewhere(drey);
  await here.run(`remote add far ${token}`);
  await here.run("profile create web");
  const list = async (): Promise<Listed[]> => JSON.parse(await here.run("image list --format json"));
  // a private image is pulled with a secret
  await here.run("image copy far:tiny local: --copy-aliases --alias mine");
  const [image] = await list();
  assertEquals(image?.aliases.map(({ name }) => name).sort(), ["mine", "tiny"]);
  assertEquals(image?.properties.os, "Tiny");
  await here.run("image delete mine");
  await here.run("image copy far:tiny local: --mode relay --alias mine --profile web");
  assertStringIncludes(await here.run("image info mine"), "Profiles: web\n");
  await here.run("image set-property mine os Own");
  assertEquals(await here.run("image get-property mine os"), "Own\n");
  await drey`image delete tiny`;
  await here.run("image copy mine far: --mode push --alias pushed --public");
  const [pushed] = JSON.parse(await drey`image list --format json`);
  assertEquals([pushed.public, pushed.aliases[0].name, pushed.properties.os], [true, "pushed", "Own"]);
  assertStringIncludes((await here.tries("image copy mine far: --alias again")).stderr, "--mode relay");
  // an instance of an image that only the other server has
  await here.run("image delete mine");
  await here.run("launch far:pushed c1");
  assertEquals(await here.run("exec c1 -- hostname"), "c1\n");
  await here.run("stop --force c1");
  await here.run("rebuild far:pushed c1");
  await here.run("delete c1");
  const [cached] = await list();
  assertEquals([cached?.fingerprint], [pushed.fingerprint]);
});

await e2e("whom nobody knows gets public images only, or one by its secret", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const address = `127.0.0.1:${freePort()}`;
  await drey`config set core.https_address=${address}`;
  const [{ fingerprint }] = JSON.parse(await drey`image list --format json`);
  const curl = (path: string) =>
    runChecked(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", `https://${address}${path}`]);
  assertEquals(await curl(`/1.0/images/${fingerprint}`), "404");
  const token = JSON.parse(await drey`query --request POST ${`/1.0/images/${fingerprint}/secret`}`);
  const { secret } = token.metadata;
  assertEquals(await curl(`/1.0/images/${fingerprint}?secret=${"0".repeat(64)}`), "404");
  assertEquals(await curl(`/1.0/images/${fingerprint}?secret=${secret}`), "200");
  assertEquals(await curl(`/1.0/images/${fingerprint}/export?secret=${secret}`), "200");
  assertEquals(
    await curl(`/1.0/images/${fingerprint}/export?secret=${secret}`),
    "404",
    "it is good for once",
  );
  await drey`query --request PATCH ${`/1.0/images/${fingerprint}`} --data ${'{"public":true}'}`;
  assertEquals(await curl(`/1.0/images/${fingerprint}/export`), "200");
});

await e2e(
  "images of a remote are listed, copied and brought up to date",
  { needs, images: [] },
  async (drey) => {
    await using server = await serveImages(`${drey.directory}/served`);
    await drey`remote add mine ${server.address} --protocol simplestreams`;
    const listed: Listed[] = JSON.parse(await drey`image list mine: tiny --format json`);
    assert(listed.some(({ aliases }) => aliases.some(({ name }) => name === "tiny/1")));
    assertStringIncludes(await drey`image info mine:tiny/1`, "Tiny One");
    await drey`image copy mine:tiny/1 local: --alias own --auto-update`;
    assertStringIncludes(await drey`image refresh own`, "already up to date");
    await drey`launch own c1`;
    await server.publish("20260202_05:24");
    assertStringIncludes(await drey`image refresh --all`, "refreshed");
    const [image, ...others]: Listed[] = JSON.parse(await drey`image list --format json`);
    assertEquals(others, []);
    assertEquals([image?.aliases[0]?.name, image?.properties.serial], ["own", "20260202_05:24"]);
    // what stands on the old one goes on
    await drey`restart c1 --force`;
    assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260101_05:24");
    await drey`launch mine:tiny/one c2`;
    assertStringIncludes(await drey`exec c2 -- cat /etc/serial`, "20260202_05:24");
  },
);

await e2e("an image is imported from an address that says what it hashes to", {
  needs,
  images: [],
}, async (drey) => {
  const [tiny = ""] = await imageFiles("tiny");
  const bytes = await Deno.readFile(tiny);
  const hash = (await sha256(tiny)).trim();
  const told = { "lxd-image-url": "file.tar", "lxd-image-hash": hash };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url, method }) => {
      const { pathname } = new URL(url);
      if (method === "HEAD") return new Response(null, { headers: pathname === "/none" ? {} : told });
      if (pathname === "/cut/file.tar") return new Response(cutOff(bytes.subarray(0, 1000)));
      return pathname === "/file.tar" ? new Response(bytes) : new Response(null, { status: 404 });
    },
  );
  const address = `http://127.0.0.1:${server.addr.port}`;
  const refused = async (path: string) => (await drey.tries`image import ${`${address}/${path}`}`).stderr;
  assertStringIncludes(await refused("none"), "names no LXD-Image-URL");
  assertStringIncludes(await refused("cut/image"), `Error: Cannot download "${address}/cut/file.tar": `);
  assertEquals(JSON.parse(await drey`image list --format json`), []);
  await drey`image import ${`${address}/image`} --alias far`;
  const [image] = JSON.parse(await drey`image list --format json`);
  assertEquals([image.fingerprint, image.aliases[0].name], [hash, "far"]);
});

await e2e("a split image keeps its files on its way through servers", { needs, images: [] }, async (drey) => {
  const [tiny = ""] = await imageFiles("tiny");
  const script =
    `tar -xf "$1"; tar -czf meta.tar.gz metadata.yaml; tar -czf root.tar.gz -C rootfs .; rm -r rootfs`;
  const work = join(drey.directory, "split");
  await Deno.mkdir(work);
  await runChecked(["sh", "-ec", script, "sh", tiny], { cwd: work });
  await importBothWays(drey, work);
  await using _server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  await drey`image import ${`${work}/meta.tar.gz`} ${`${work}/root.tar.gz`} --alias split`;
  const again = await drey
    .tries`image import ${`${work}/meta.tar.gz`} ${`${work}/root.tar.gz`} --alias again`;
  assertMatch(again.stderr, /already exists: .* drey image alias create again [0-9a-f]{12}$/m);
  const here = elsewhere(drey);
  await here.run(`remote add far ${(await drey`config trust add --name me`).trim()}`);
  await here.run("image copy far:split local: --alias pulled");
  const [{ fingerprint }] = JSON.parse(await here.run("image list --format json"));
  await drey`image delete split`;
  await here.run("image copy pulled far: --mode push --alias split");
  assertEquals(JSON.parse(await drey`image list --format json`)[0].fingerprint, fingerprint);
});

/** In this process drey copies and unpacks a plain file itself; what comes through a pipe is read once. Both are one. */
async function importBothWays(drey: Drey, work: string): Promise<void> {
  await runChecked(["sh", "-ec", "gzip -dc root.tar.gz >root.tar; mkfifo pipe"], { cwd: work });
  await drey`image import ${`${work}/meta.tar.gz`} ${`${work}/root.tar`} --alias plain`;
  const fingerprint = async () => JSON.parse(await drey`image list --format json`)[0].fingerprint;
  const copied = await fingerprint();
  assertEquals(copied, (await sha256(`${work}/meta.tar.gz`, `${work}/root.tar`)).trim());
  await drey`init plain c1`;
  assertStringIncludes(await drey`file pull c1/etc/passwd -`, "root");
  await drey`delete c1`;
  await drey`image delete plain`;
  const feeding = runChecked(["sh", "-c", "cat root.tar >pipe"], { cwd: work });
  await drey`image import ${`${work}/meta.tar.gz`} ${`${work}/pipe`} --alias plain`;
  await feeding;
  assertEquals(await fingerprint(), copied);
  await drey`image delete plain`;
}

/** A body that breaks off behind these bytes. */
const cutOff = (bytes: Uint8Array<ArrayBuffer>) =>
  ReadableStream.from((async function* () {
    yield await Promise.resolve(bytes);
    throw new Error("cut");
  })());

const sha256 = (...paths: string[]) =>
  runChecked(["sh", "-c", 'cat "$@" | sha256sum | cut -d" " -f1', "sh", ...paths]);
