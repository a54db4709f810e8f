// Images made of instances.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { exists } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e("a published instance is an image with its files, owners and links", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const change =
    "echo mine >/etc/mine; chown 1000:1000 /etc/mine; chmod 4711 /etc/mine; ln /etc/mine /etc/hard;" +
    "ln -s mine /etc/soft; rm /etc/hosts; mkdir -p /home/user/d";
  await drey`exec c1 -- sh -c ${[change]}`;
  assertStringIncludes((await drey.tries`publish c1 --alias made`).stderr, "is running");
  await drey`publish c1 --force --alias made --compression ${["zstd -1"]} --expire 2030-01-31 os=Mine`;
  assertEquals((await drey`list c1 --format csv --columns s`).trim(), "RUNNING");
  // Ctrl-C between its steps, of which the last takes a while
  const big = `${drey.directory}/big`;
  await runChecked(["dd", "status=none", "if=/dev/urandom", `of=${big}`, "bs=1M", "count=40"]);
  await drey`file push ${big} c1/big`;
  const slowly = ["publish", "c1", "--force", "--compression", "xz -9"];
  const interrupted = drey.spawn(slowly, { stderr: "null", stdout: "null" });
  await eventually("it stops", () => !exists(`${drey.directory}/run/instances/c1`), 1);
  interrupted.kill("SIGINT");
  assertEquals((await interrupted.status).code, 1);
  await drey`file delete c1/big`;
  assertEquals((await drey`list c1 --format csv --columns s`).trim(), "RUNNING");
  const [image] = JSON.parse(await drey`image list made --format json`);
  assertEquals([image.properties, image.expires_at], [{ os: "Mine" }, "2030-01-31T00:00:00.000Z"]);
  await drey`launch made c2`;
  const seen = await drey`exec c2 -- sh -c ${[
    "stat -c '%u:%g %a %h' /etc/mine; readlink /etc/soft; ls /etc/hosts",
  ]}`
    .catch((error) => String(error));
  assertStringIncludes(seen, "1000:1000 4711 2");
  assertStringIncludes(seen, "mine");
  assertStringIncludes(seen, "cannot access '/etc/hosts'");
  await drey`delete --force c2`;
  // what is exported is a tar that anybody can read
  await drey`image export made ${`${drey.directory}/made`}`;
  const list = await runChecked(["sh", "-c", "zstd -dc made.tar.zst | tar -tv"], { cwd: drey.directory });
  assertStringIncludes(list, "metadata.yaml");
  assertStringIncludes(list, "rootfs/etc/mine link to rootfs/etc/hard");
  const toStdout = '"$@" image export made - | cmp - made.tar.zst; "$@" image list >/dev/full';
  const inShell = await new Deno.Command("sh", {
    args: ["-c", toStdout, "sh", ...drey.commandLine([])],
    env: drey.environment,
    cwd: drey.directory,
  }).output();
  const said = [inShell.stdout, inShell.stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assertEquals(said, 'Error: Cannot write "standard output": the disk is full\n');
  assertEquals((await drey.tries`publish c1 --force --alias made`).code, 1);
  // two names of the image that goes
  await drey`image alias create also ${image.fingerprint}`;
  await drey`publish c1 --force --reuse --alias made --alias also`;
  const images = async () => JSON.parse(await drey`image list --format json`).length;
  assertEquals(await images(), 2);
  // an image that cannot have its alias is not made
  await drey`init tiny c3`;
  const body = JSON.stringify({ source: { type: "instance", name: "c3" }, aliases: [{ name: "made" }] });
  assertMatch(
    (await drey.tries`query -X POST --wait -d ${body} /1.0/images`).stderr,
    /"made" already exists/,
  );
  assertEquals(await images(), 2);
  const both = await Promise.all(["a", "b"].map((kind) => drey.tries`publish c3 --alias same kind=${kind}`));
  assertEquals(both.map(({ code }) => code).toSorted(), [0, 1]);
  assertMatch(both.map(({ stderr }) => stderr).join(""), /^Error: Alias "same" already exists/m);
  assertEquals(await images(), 3);
});

await e2e("a umask of the caller's is not the container's, and in nobody's way", { needs }, async (drey) => {
  const careful = async (...argv: string[]) => {
    const line = ["-c", 'umask 077; exec "$@"', "sh", ...drey.commandLine(argv)];
    const { stdout, stderr } = await new Deno.Command("sh", { args: line, env: drey.environment }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  await careful("launch", "tiny", "c1");
  assertEquals(await careful("exec", "c1", "--", "sh", "-c", "umask"), "0022\n");
  assertMatch(await careful("info", "c1"), /^Status: RUNNING$/m);
  assertMatch(await careful("publish", "-f", "c1", "--alias", "mine"), /published with fingerprint/);
  await careful("export", "c1", `${drey.directory}/c1.tar`, "--compression=none");
  assertEquals((Deno.statSync(`${drey.directory}/c1.tar`).mode ?? 0) & 0o777, 0o600);
  assertEquals(await careful("import", `${drey.directory}/c1.tar`, "c2"), "");
});

await e2e("lxc publishes an instance and a snapshot", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await server.lxc("launch", "tiny", "c1");
  await server.lxc("exec", "c1", "--", "sh", "-c", "echo first >/etc/state");
  await server.lxc("stop", "--force", "c1");
  assertStringIncludes(await server.lxc("publish", "c1", "--alias", "now", "--public"), "fingerprint");
  await server.lxc("launch", "now", "c2");
  assertEquals(await server.lxc("exec", "c2", "--", "cat", "/etc/state"), "first\n");
  await server.lxc("start", "c1");
  await server.lxc("snapshot", "c1", "s0");
  await server.lxc("exec", "c1", "--", "sh", "-c", "echo second >/etc/state");
  await server.lxc("publish", "c1/s0", "--alias", "then", "kind=old", "--compression", "none");
  await server.lxc("launch", "then", "c3");
  assertEquals(await server.lxc("exec", "c3", "--", "cat", "/etc/state"), "first\n");
  assertStringIncludes(await server.lxc("image", "info", "then"), "kind: old");
});

await e2e("lxc lists, filters, edits and describes images", { needs: ["lxc"] }, async (drey) => {
  await using server = await serve(drey);
  const [{ fingerprint }] = JSON.parse(await server.lxc("image", "list", "--format", "json"));
  await server.lxc("image", "set-property", "tiny", "release", "one");
  assertEquals((await server.lxc("image", "get-property", "tiny", "release")).trim(), "one");
  const rows = async (...words: string[]) =>
    (await server.lxc("image", "list", ...words, "--format", "csv", "-c", "lfpdats")).trim();
  for (const filter of ["tiny", fingerprint.slice(0, 8), "release=one", "os=Tiny", "type=container"]) {
    assertStringIncludes(`${filter}: ${await rows(filter)}`, fingerprint.slice(0, 12));
  }
  assertEquals(await rows("release=two"), "");
  const yaml = (await server.lxc("image", "show", "tiny")).replace("public: false", "public: true");
  const edited = await server.tries(["image", "edit", "tiny"], { stdin: yaml });
  assertEquals([edited.code, edited.stderr], [0, ""]);
  assertStringIncludes(await server.lxc("image", "info", fingerprint), "Public: yes");
  await server.lxc("image", "unset-property", "tiny", "release");
  assertEquals((await server.lxc("image", "show", "tiny")).includes("release"), false);
  assertStringIncludes((await server.tries(["image", "refresh", "tiny"])).stderr, "came from no remote");
  await server.lxc("image", "alias", "create", "a/b", fingerprint);
  assertStringIncludes(await server.lxc("image", "alias", "list"), "a/b");
});
