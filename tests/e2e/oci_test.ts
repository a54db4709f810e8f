// Application images of registries: pulled, stacked, run as what they are.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { runChecked } from "../../sys/run.ts";
import { elsewhere } from "../support/elsewhere.ts";
import { freePort, serve } from "../support/server.ts";
import { type AppImage, startRegistry, type TestRegistry } from "../support/registry.ts";

const hasRegistry = missingTools(["skopeo", "docker-registry"]).length === 0;
const needs = ["userns", "subids", "overlay"] as const;

/** A program that says what it was given, waits for SIGUSR1 and ends with 7. */
const app = `mkdir app
printf '%s\\n' '#!/bin/sh' 'trap "exit 7" USR1' \\
  'echo "args: $*; greeting: $GREETING; user: $(id -u):$(id -g); in: $(pwd); pid: $$; parent: $PPID"' \\
  'while :; do sleep 0.1; done' >app/run
chmod 755 app/run`;

const image: AppImage = {
  layers: [
    `mkdir -p etc data/old; echo lower >etc/lower; echo gone >etc/gone; echo x >data/old/x; echo y >data/y`,
    `mkdir -p etc data; : >etc/.wh.gone; : >data/.wh..wh..opq; echo new >data/new; ${app}`,
  ],
  config: {
    Entrypoint: ["/app/run", "one two"],
    Cmd: ["three"],
    Env: ["PATH=/usr/bin:/bin", "GREETING=hello world"],
    User: "user",
    WorkingDir: "/srv/made",
    StopSignal: "SIGUSR1",
    ExposedPorts: { "80/tcp": {} },
  },
};

async function withRegistry(
  name: string,
  test: (drey: Drey, registry: TestRegistry) => Promise<void>,
): Promise<void> {
  const reason = hasRegistry ? "" : " (skipped: docker-registry or skopeo is not installed)";
  if (!hasRegistry) return Deno.test({ name: name + reason, ignore: true, fn: () => {} });
  await e2e(name, { needs, images: [] }, async (drey) => {
    await using registry = await startRegistry(`${drey.directory}/registry`);
    await test(drey, registry);
  });
}

async function launch(
  drey: Drey,
  { address: server }: TestRegistry,
  { alias, name, config = {} }: { alias: string; name: string; config?: Record<string, string> },
): Promise<void> {
  const source = { type: "image", protocol: "oci", server, alias };
  const body = JSON.stringify({ name, start: true, source, config });
  await drey`query --wait --request POST /1.0/instances --data ${body}`;
}

const until = (holds: () => Promise<boolean>) => eventually("the application does its part", holds);

const config = async (drey: Drey, name: string, key: string) =>
  (await drey`config get ${name} ${key}`).trim();

await withRegistry("an application image runs its entrypoint over its layers", async (drey, registry) => {
  await registry.push("org/app:1", image);
  await launch(drey, registry, { alias: "org/app:1", name: "c1" });
  await until(async () => (await drey`logs c1`).includes("args"));
  assertStringIncludes(
    await drey`logs c1`,
    "args: one two three; greeting: hello world; user: 1000:1000; in: /srv/made; pid: 2; parent: 1",
  );
  assertEquals(await drey`exec c1 -- cat /etc/lower`, "lower\n");
  assertEquals((await drey.tries`exec c1 -- cat /etc/gone`).code, 1);
  assertEquals(await drey`exec c1 -- ls /data`, "new\n");
  assertEquals(await config(drey, "c1", "oci.entrypoint"), "/app/run 'one two' three");
  assertEquals(await config(drey, "c1", "image.exposed_ports"), "80/tcp");
  await drey`stop c1`;
  assertEquals((await drey`list c1 --format csv --columns s`).trim(), "STOPPED");
});

await withRegistry(
  "an application's exit status is kept, and it starts again if told to",
  async (drey, registry) => {
    await registry.push("app", {
      ...image,
      config: { Cmd: ["/bin/sh", "-c", "echo so long; echo bye; sleep 1; exit 3"] },
    });
    await launch(drey, registry, { alias: "app", name: "c1" });
    await until(async () => await config(drey, "c1", "volatile.last_state.exit_code") === "3");
    assertEquals((await drey`list c1 --format csv --columns s`).trim(), "STOPPED");
    // and nothing of drey's own
    await until(async () => (await drey`logs c1`).replaceAll("\r", "") === "so long\nbye\n");
    assertEquals((await drey`logs c1 --tail 1 --follow`).replaceAll("\r", ""), "bye\n");
    await launch(drey, registry, { alias: "app", name: "c2", config: { "boot.autorestart": "true" } });
    await until(async () => (await config(drey, "c2", "volatile.autorestart")).includes(","));
    await drey`stop c2 --force`;
  },
);

await withRegistry("a registry is a remote like others", async (drey, registry) => {
  await registry.push("org/app:1", image);
  await drey`remote add reg ${registry.address} --protocol oci`;
  assertStringIncludes(await drey`image info reg:org/app:1`, "exposed_ports: 80/tcp");
  assertStringIncludes((await drey.tries`image list reg:`).stderr, "has no such list");
  assertStringIncludes((await drey.tries`image info reg:org/none:2`).stderr, 'has no image "org/none:2"');
  assertStringIncludes((await drey.tries`launch reg:org/none c0`).stderr, 'has no image "org/none:latest"');
  await drey`image copy reg:org/app:1 local: --alias own`;
  // unpacked while they came: the first instance only stacks them
  const unpacked = [...Deno.readDirSync(`${drey.directory}/storage-pools/default/images/l`)];
  assertEquals(unpacked.filter(({ name }) => /^[0-9a-f]{24}-[^.]*$/.test(name)).length, 3);
  await drey`launch own c1 --config environment.GREETING=hi`;
  await until(async () => (await drey`logs c1`).includes("greeting: hi;"));
  await drey`image refresh own`;
  await drey`snapshot c1 s0`;
  await drey`exec c1 -- rm /etc/lower`;
  await drey`stop c1`;
  await drey`restore c1 s0`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /etc/lower`, "lower\n");

  // what it runs, and how, goes on into an image made of it, and comes with an image it is made anew of
  await drey`publish c1 --force --alias made oci.cwd=/etc`;
  await drey`publish c1/s0 --alias earlier`;
  await drey`delete --force c1`;
  await drey`launch made c2 --config environment.NAME=c2`;
  const said = (greeting: string, place: string) =>
    `args: one two three; greeting: ${greeting}; user: 1000:1000; in: ${place}; pid: 2; parent: 1`;
  await until(async () => (await drey`logs c2`).includes(said("hi", "/etc")));
  assertEquals(await config(drey, "c2", "oci.stop_signal"), "SIGUSR1");
  await drey`stop c2`;
  await drey`rebuild earlier c2`;
  assertEquals(await config(drey, "c2", "oci.cwd"), "/srv/made");
  await drey`rebuild c2 --empty`;
  assertEquals([await config(drey, "c2", "oci.entrypoint"), await config(drey, "c2", "environment.NAME")], [
    "",
    "c2",
  ]);
  await drey`rebuild own c2`;
  await drey`start c2`;
  await until(async () => (await drey`logs c2`).includes(said("hi", "/srv/made")));
});

await withRegistry("images that share layers store them once", async (drey, registry) => {
  await registry.push("one", image);
  await registry.push("two", { ...image, layers: [...image.layers, "echo more >more"] });
  await launch(drey, registry, { alias: "one", name: "c1" });
  const before = (await registry.requests()).length;
  await launch(drey, registry, { alias: "two", name: "c2" });
  const asked = (await registry.requests()).slice(before).filter((line) => line.startsWith("GET"));
  // the configuration and the one new layer
  assertEquals(asked.filter((line) => line.includes("/blobs/")).length, 2, asked.join("\n"));
  const count = (path: string) => [...Deno.readDirSync(`${drey.directory}/${path}`)].length;
  assertEquals([count("images/blobs"), count("storage-pools/default/images/l")], [4, 4]);
  const { layers } = JSON.parse(await drey`query /1.0/storage-pools/default/resources`);
  assertEquals([layers.images, layers.layers, layers.shared], [2, 4, 3]);
  assert(layers.size < layers.apart);
  const info = await drey`storage info default`;
  assertMatch(info, /layers: 4\n +shared by several images: 3\n +stored: .*\n +without sharing: /);
  const again = (await registry.requests()).length;
  await launch(drey, registry, { alias: "two", name: "c3" });
  assert((await registry.requests()).slice(again).every((line) => !line.includes("/blobs/")));
  await drey`delete --force c1 c2 c3`;
  const images: { fingerprint: string }[] = JSON.parse(await drey`image list --format json`);
  await drey`image delete ${images.map(({ fingerprint }) => fingerprint)}`;
  assertEquals([count("images/blobs"), count("storage-pools/default/images/l")], [0, 0]);
});

await withRegistry(
  "an application image goes out as an archive and comes back from it",
  async (drey, registry) => {
    await registry.push("org/app:1", image);
    await drey`remote add reg ${registry.address} --protocol oci`;
    await drey`image copy reg:org/app:1 local: --alias own`;
    const [{ fingerprint }] = JSON.parse(await drey`image list --format json`);
    const file = `${drey.directory}/app.tar`;
    await drey`image export own ${drey.directory}/app`;
    const { Digest, Layers, Env } = JSON.parse(
      await runChecked(["skopeo", "inspect", `oci-archive:${file}`]),
    );
    assertEquals([Digest, Layers.length, Env[1]], [`sha256:${fingerprint}`, 3, "GREETING=hello world"]);
    await drey`image delete own`;
    assertEquals([...Deno.readDirSync(`${drey.directory}/images/blobs`)], []);

    assertStringIncludes(await drey`image import ${file} --alias back`, fingerprint);
    assertStringIncludes((await drey.tries`image import ${file}`).stderr, "already exists");
    await drey`launch back c1`;
    await until(async () => (await drey`logs c1`).includes("greeting: hello world;"));
    assertEquals(await drey`exec c1 -- cat /etc/lower`, "lower\n");
    assertEquals((await drey.tries`exec c1 -- cat /etc/gone`).code, 1);
    await drey`delete --force c1`;

    // as others write them: from a directory, without what drey knows of it
    await runChecked([
      "skopeo",
      "copy",
      "--insecure-policy",
      `oci-archive:${file}`,
      `oci:${drey.directory}/tree:v1`,
    ]);
    await drey`image delete back`;
    assertStringIncludes(await drey`image import ${drey.directory}/tree --alias tree`, fingerprint);
    assertMatch(await drey`image info tree`, /id: v1\n/);
  },
);

await withRegistry("an application image is copied between servers in every mode", async (drey, registry) => {
  await registry.push("org/app:1", image);
  await drey`remote add reg ${registry.address} --protocol oci`;
  await drey`image copy reg:org/app:1 local: --alias own`;
  const [{ fingerprint, properties }] = JSON.parse(await drey`image list --format json`);
  await using server = await serve(drey);
  await drey`config set core.https_address=127.0.0.1:${freePort()}`;
  const here = elsewhere(drey);
  await here.run(`remote add far ${(await drey`config trust add --name me`).trim()}`);
  const held = async (of: (line: string) => Promise<string>) => {
    const [first] = JSON.parse(await of("image list --format json"));
    return [first?.fingerprint, first?.properties];
  };
  const far = (line: string) => drey`${line.split(" ")}`;
  await here.run("image copy far:own local: --alias own");
  assertEquals(await held(here.run), [fingerprint, properties]);
  await far("image delete own");
  await here.run("image copy own far: --mode push --alias own");
  assertEquals(await held(far), [fingerprint, properties]);
  await here.run("image delete own");
  await here.run("image copy far:own local: --mode relay --alias own");
  assertEquals(await held(here.run), [fingerprint, properties]);
  await drey`launch own c1`;
  await until(async () => (await drey`logs c1`).includes("greeting: hello world;"));
  if (missingTools(["lxc"]).length > 0) return;
  // what LXD's own client publishes runs the same
  await server.lxc("publish", "c1", "--force", "--alias", "made");
  await server.lxc("launch", "made", "c2");
  await until(async () => (await drey`logs c2`).includes("greeting: hello world; user: 1000:1000;"));
});
