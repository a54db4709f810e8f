import { assert, assertEquals, assertStringIncludes } from "@std/testing";
import { getOperation, waitOperation } from "../../domain/operations.ts";
import { ensureUnpacked, lowerPath, releaseLower, resolveImage, sweepImages } from "../../domain/images.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import { fingerprintOf } from "../../images/fingerprint.ts";
import { removeTrees } from "../../images/remove_trees.ts";
import { runChecked } from "../../sys/run.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { makeTinyImage } from "../../tests/support/tiny_image.ts";
import type { Image } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import { type App, createApp } from "../app.ts";
import type { Env } from "../call.ts";

const caller = { uid: 0, protocol: "in-process", username: "tester" } as const;
const env: Env = { caller, accept: () => Promise.reject(new Error("no streams here")) };
const tinyDir = await Deno.makeTempDir();
await runChecked(["gzip", await makeTinyImage(tinyDir)]);
const tiny = `${tinyDir}/tiny.tar.gz`;
const tinyPrint = await fingerprintOf([tiny]);
globalThis.addEventListener("unload", () => Deno.removeSync(tinyDir, { recursive: true }));

/** A fresh drey with its app, as the user who runs the test. */
async function freshDrey() {
  const context = await temporaryContext();
  context.user.name = (await runChecked(["id", "-un"])).trim();
  const app = createApp(context);
  return {
    context,
    app,
    async get<T>(path: string) {
      const response = await app.fetch(new Request(`http://drey${path}`), env);
      const { metadata, error } = await response.json();
      return { status: response.status, metadata: metadata as T, error };
    },
    async send(method: string, path: string, body: unknown) {
      const request = new Request(`http://drey${path}`, { method, body: JSON.stringify(body) });
      const response = await app.fetch(request, env);
      return { ...await response.json(), status: response.status };
    },
    upload: (init: RequestInit) => upload(context, app, init),
    async remove(fingerprint: string): Promise<Operation> {
      const request = new Request(`http://drey/1.0/images/${fingerprint}`, { method: "DELETE" });
      const { metadata } = await (await app.fetch(request, env)).json();
      return await waitOperation(context, metadata.id, {
        timeout: 120,
        signal: new AbortController().signal,
      });
    },
    disk: () => tree(`${context.paths.state}/images`),
    lowers: () => tree(`${context.paths.state}/storage-pools/default/images`),
    async [Symbol.asyncDispose]() {
      await removeTrees([`${context.paths.state}/storage-pools`], context.user);
      await context[Symbol.asyncDispose]();
    },
  };
}

async function upload(
  context: Awaited<ReturnType<typeof temporaryContext>>,
  app: App,
  init: RequestInit,
): Promise<Operation> {
  const request = new Request("http://drey/1.0/images", { method: "POST", ...init });
  const answer = await (await app.fetch(request, env)).json();
  if (answer.type === "error") return { err: answer.error } as Operation;
  await waitOperation(context, answer.metadata.id, { timeout: 120, signal: new AbortController().signal });
  return await getOperation(context, answer.metadata.id);
}

function tree(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch {
    return []; // not made yet
  }
}

const octets = { "content-type": "application/octet-stream" };

Deno.test("a unified image is uploaded, seen, exported unchanged and deleted", async () => {
  await using drey = await freshDrey();
  const operation = await drey.upload({
    headers: {
      ...octets,
      "X-LXD-filename": "tiny.tar.gz",
      "X-LXD-public": "1",
      "X-LXD-properties": "release=one%20two&os=Small",
      "X-LXD-fingerprint": tinyPrint,
    },
    body: await Deno.readFile(tiny),
  });
  assertEquals(operation.err, "");
  assertEquals(operation.metadata?.fingerprint, tinyPrint);
  const { metadata: image } = await drey.get<Image>(`/1.0/images/${tinyPrint.slice(0, 8)}`);
  assertEquals([image.filename, image.public, image.cached, image.type], [
    "tiny.tar.gz",
    true,
    false,
    "container",
  ]);
  assertEquals(image.properties, { os: "Small", description: "Tiny test image", release: "one two" });
  assertEquals(image.size, (await Deno.stat(tiny)).size);
  assertEquals(drey.disk(), [tinyPrint]);

  const response = await drey.app.fetch(new Request(`http://drey/1.0/images/${tinyPrint}/export`), env);
  assertEquals(response.headers.get("content-disposition"), `inline;filename=${tinyPrint}.tar.gz`);
  assertEquals(new Uint8Array(await response.arrayBuffer()), await Deno.readFile(tiny));

  assertEquals((await drey.remove(tinyPrint)).err, "");
  assertEquals(drey.disk(), []);
  assertEquals((await drey.get(`/1.0/images/${tinyPrint}`)).status, 404);
});

Deno.test("a split image is uploaded as two parts and exported as two parts", async () => {
  await using drey = await freshDrey();
  const dir = await Deno.makeTempDir();
  const pack =
    `mkdir x; tar -xzf ${tiny} -C x; tar -czf meta -C x metadata.yaml; tar -czf root -C x/rootfs .`;
  await runChecked(["sh", "-ec", pack], { cwd: dir });
  const form = new FormData();
  form.append("metadata", new File([await Deno.readFile(`${dir}/meta`)], "meta.tar.gz"));
  form.append("rootfs", new File([await Deno.readFile(`${dir}/root`)], "root.tar.gz"));
  const operation = await drey.upload({ body: form });
  assertEquals(operation.err, "");
  const fingerprint = await fingerprintOf([`${dir}/meta`, `${dir}/root`]);
  assertEquals(operation.metadata?.fingerprint, fingerprint);
  assertEquals(drey.disk(), [fingerprint, `${fingerprint}.rootfs`]);

  const response = await drey.app.fetch(new Request(`http://drey/1.0/images/${fingerprint}/export`), env);
  const parts = await response.formData();
  const [meta, root] = [parts.get("metadata") as File, parts.get("rootfs") as File];
  assertEquals([meta.name, root.name], [`meta-${fingerprint}.tar.gz`, `${fingerprint}.tar.gz`]);
  assertEquals(await root.bytes(), await Deno.readFile(`${dir}/root`));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("an upload that is broken, wrong or there already fails and leaves nothing", async () => {
  await using drey = await freshDrey();
  const bytes = await Deno.readFile(tiny);
  const wrong = await drey.upload({
    headers: { ...octets, "X-LXD-fingerprint": "0".repeat(64) },
    body: bytes,
  });
  assertStringIncludes(wrong.err, "was expected");
  const cut = await drey.upload({ headers: octets, body: bytes.slice(0, bytes.length / 2) });
  assertStringIncludes(cut.err, "damaged or cut off");
  const none = await drey.upload({ headers: octets, body: "hello" });
  assertStringIncludes(none.err, "neither a tarball");
  const form = new FormData();
  form.append("rootfs", new File([bytes], "x"));
  assertStringIncludes((await drey.upload({ body: form })).err, '"metadata" and then "rootfs" were expected');
  assertEquals(drey.disk(), []);
  assertEquals((await drey.upload({ headers: octets, body: bytes })).err, "");
  const twice = await drey.upload({ headers: octets, body: bytes });
  assertStringIncludes(twice.err, "already exists");
  assertEquals(drey.disk(), [tinyPrint]);
});

Deno.test("sources drey cannot use say so", async () => {
  await using drey = await freshDrey();
  const publish = await drey.send("POST", "/1.0/images", { source: { type: "instance", name: "c1" } });
  assertEquals(publish.status, 404);
  const post = (source: Record<string, string>) => drey.upload({ body: JSON.stringify({ source }) });
  const strange = { type: "image", alias: "24.04", server: "https://u", protocol: "carrier-pigeon" };
  assertStringIncludes((await post(strange)).err, 'Cannot fetch image "24.04" from "https://u"');
  const unknown = { type: "image", alias: "potato", protocol: "debian" };
  assertStringIncludes((await post(unknown)).err, 'Cannot build image "potato": no such release');
});

Deno.test("aliases point to images, with slashes in their names, and go with them", async () => {
  await using drey = await freshDrey();
  await drey.upload({ headers: octets, body: await Deno.readFile(tiny) });
  const path = "/1.0/images/aliases";
  const post = { name: "my/tiny", description: "d", target: tinyPrint };
  assertEquals((await drey.send("POST", path, post)).status, 201);
  assertEquals((await drey.send("POST", path, post)).status, 409);
  assertEquals((await drey.send("POST", path, { ...post, name: "x", target: "abc" })).status, 404);
  const alias = await drey.get(`${path}/my%2Ftiny`);
  assertEquals(alias.metadata, { name: "my/tiny", description: "d", target: tinyPrint, type: "container" });
  assertEquals((await drey.get<string[]>(path)).metadata, ["/1.0/images/aliases/my%2Ftiny"]);
  assertEquals((await drey.send("PATCH", `${path}/my%2Ftiny`, { description: "e" })).status, 200);
  assertEquals((await drey.send("POST", `${path}/my%2Ftiny`, { name: "other" })).status, 201);
  const { metadata: [image] } = await drey.get<Image[]>("/1.0/images?recursion=1");
  assertEquals(image?.aliases, [{ name: "other", description: "e" }]);
  const found = await resolveImage(drey.context, "default", { alias: "other" });
  assertEquals(found.fingerprint, tinyPrint);
  assert(Date.parse(found.last_used_at) > 0);
  await drey.remove(tinyPrint);
  assertEquals((await drey.get<string[]>(path)).metadata, []);
});

Deno.test("an image's properties are replaced by PUT, merged by PATCH and guarded by an ETag", async () => {
  await using drey = await freshDrey();
  await drey.upload({ headers: octets, body: await Deno.readFile(tiny) });
  const path = `/1.0/images/${tinyPrint}`;
  await drey.send("PATCH", path, { properties: { a: "1" } });
  assertEquals((await drey.get<Image>(path)).metadata.properties.a, "1");
  await drey.send("PUT", path, { properties: { b: "2" }, public: true });
  assertEquals((await drey.get<Image>(path)).metadata.properties, { b: "2" });
  const request = new Request(`http://drey${path}`, {
    method: "PUT",
    headers: { "if-match": "stale" },
    body: JSON.stringify({ properties: {} }),
  });
  assertEquals((await drey.app.fetch(request, env)).status, 412);
});

Deno.test("the start of a fingerprint that fits two images is refused", async () => {
  await using drey = await freshDrey();
  const value = { fingerprint: "", project: "default" };
  for (const end of ["0", "1"]) {
    const fingerprint = "a".repeat(63) + end;
    await drey.context.store.commit([], [{
      key: ["images", "default", fingerprint],
      value: { ...value, fingerprint },
    }]);
  }
  const answer = await drey.get("/1.0/images/aaaa");
  assertEquals(answer.status, 400);
  assertStringIncludes(answer.error, "More than one image matches");
});

Deno.test("ensureUnpacked() unpacks once, however many ask, and the layer stays while an instance uses it", async () => {
  await using drey = await freshDrey();
  const { context } = drey;
  await drey.upload({ headers: octets, body: await Deno.readFile(tiny) });
  const image = await resolveImage(context, "default", { fingerprint: tinyPrint.slice(0, 12) });
  const map = await defaultMap(context.user);
  const roots = await Promise.all([1, 2, 3, 4].map(() => ensureUnpacked(context, image, map)));
  assertEquals(new Set(roots), new Set([`${lowerPath(context, tinyPrint, map)}/rootfs`]));
  assertEquals((await Deno.lstat(`${roots[0]}/usr/sbin/init`)).uid, map.uids[0]?.hostId);

  const key = ["instances", "default", "c1"];
  const value = { config: { "volatile.base_image": tinyPrint } };
  await context.store.commit([], [{ key, value }]);
  await drey.remove(tinyPrint);
  assertEquals(drey.disk(), []);
  assertEquals(drey.lowers().length, 1);
  await sweepImages(context);
  assertEquals(drey.lowers().length, 1);
  await context.store.commit([], [{ key, delete: true }]);
  await releaseLower(context, tinyPrint);
  assertEquals(drey.lowers(), []);
});

Deno.test("sweepImages() removes what killed processes left, and nothing of living ones", async () => {
  await using drey = await freshDrey();
  const { context } = drey;
  await drey.upload({ headers: octets, body: await Deno.readFile(tiny) });
  const images = `${context.paths.state}/images`;
  const living = `upload.partial-${Deno.pid}-${startOf(Deno.pid)}-00000000`;
  await Deno.mkdir(`${images}/upload.partial-4194305-1-00000000`);
  await Deno.mkdir(`${images}/${living}`);
  await Deno.writeTextFile(`${images}/${"b".repeat(64)}`, "an image that was never recorded");
  await sweepImages(context);
  assertEquals(drey.disk(), [tinyPrint, living].sort());
  await Deno.remove(`${images}/${living}`);
});

function startOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ")[21] ?? "";
}

Deno.test("nobody fills the memory by an upload of white space", async () => {
  await using drey = await freshDrey();
  let pieces = 0;
  const blank = new Uint8Array(65_536).fill(0x20);
  const body = new ReadableStream<Uint8Array>({
    pull(control) {
      if (++pieces > 1_000) control.close();
      else control.enqueue(blank);
    },
  });
  const request = new Request("http://drey/1.0/images", {
    method: "POST",
    body,
    headers: { "x-lxd-secret": "no such secret" },
  });
  const stranger = { ...env, caller: { uid: -1, protocol: "tls", username: "" } } as const;
  const { status } = await drey.app.fetch(request, stranger);
  assertEquals(status, 403);
  assert(pieces < 10, `${pieces} pieces were read`);
});
