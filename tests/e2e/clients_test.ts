// Clients that others have written for LXD: pylxd, Ansible's module, and the odd corners of lxc.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { fromFileUrl, join } from "@std/path";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

await e2e("pylxd leads an instance through its life", { needs: [...needs, "pylxd"] }, async (drey) => {
  await using _server = await serve(drey);
  const script = fromFileUrl(new URL("../support/pylxd_life.py", import.meta.url));
  const socket = join(drey.directory, "unix.socket");
  const env = { ...Deno.env.toObject(), PYLXD_WARNINGS: "none" };
  const { code, stdout, stderr } = await run([
    "/usr/bin/python3",
    script,
    socket,
    "tiny",
    "snapshots",
    "networks",
    "images",
  ], { env });
  assertEquals(
    [stdout.trim().split("\n"), code === 0 ? "" : stderr],
    [
      [
        "connected",
        "created",
        "started",
        "executed",
        "files",
        "changed",
        "snapshots",
        "listed",
        "deleted",
        "uploaded",
      ],
      "",
    ],
  );
});

await e2e("lxc changes the state of all instances at once", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  for (const name of ["c1", "c2", "c3"]) await drey`init tiny ${name}`;
  const states = async () => {
    const found: { name: string; status: string }[] = JSON.parse(
      await server.lxc("list", "--format", "json"),
    );
    return found.map(({ status }) => status);
  };
  await server.lxc("start", "--all");
  assertEquals(await states(), ["Running", "Running", "Running"]);
  await server.lxc("restart", "--all", "--force");
  assertEquals(await states(), ["Running", "Running", "Running"]);
  await server.lxc("stop", "--all", "--force");
  assertEquals(await states(), ["Stopped", "Stopped", "Stopped"]);
});

await e2e("lxc query asks anything of the API", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await drey`init tiny c1`;
  const { lxc, tries } = server;
  assertEquals(JSON.parse(await lxc("query", "/1.0/instances")), ["/1.0/instances/c1"]);
  assertEquals(JSON.parse(await lxc("query", "/1.0/instances?filter=status%20eq%20running")), []);
  const body = JSON.stringify({ action: "start" });
  const operation = JSON.parse(
    await lxc("query", "-X", "PUT", "-d", body, "--wait", "/1.0/instances/c1/state"),
  );
  assertEquals(operation.status, "Success");
  await lxc("query", "-X", "PATCH", "-d", '{"config":{"user.a":"b"}}', "/1.0/instances/c1");
  assertEquals(await drey`config get c1 user.a`, "b\n");
  assertMatch((await tries(["query", "/1.0/instances/none"])).stderr, /Instance "none" not found/);
  assertMatch((await tries(["query", "/1.0/nothing"])).stderr, /not found/);
  assertMatch(await lxc("query", "--raw", "/1.0/profiles"), /"type": "sync"/);
  await lxc(
    "query",
    "-X",
    "PUT",
    "-d",
    '{"action":"stop","force":true}',
    "--wait",
    "/1.0/instances/c1/state",
  );
});

await e2e(
  "Ansible makes an instance what a playbook says",
  { needs: [...needs, "ansible"] },
  async (drey) => {
    await using _server = await serve(drey);
    const play = (state: string) => ({
      hosts: "localhost",
      connection: "local",
      gather_facts: false,
      tasks: [{
        "community.general.lxd_container": {
          url: `unix:${join(drey.directory, "unix.socket")}`,
          name: "c1",
          state,
          ignore_volatile_options: true,
          source: { type: "image", alias: "tiny" },
          profiles: ["default"],
          config: { "user.team": "web" },
          force_stop: true,
          timeout: 60,
        },
      }],
    });
    const playbook = async (state: string) => {
      const file = join(drey.directory, "play.yml");
      await Deno.writeTextFile(file, JSON.stringify([play(state)]));
      const env = {
        ...Deno.env.toObject(),
        HOME: drey.directory,
        ANSIBLE_LOCALHOST_WARNING: "false",
        LC_ALL: "C.UTF-8",
      };
      const { code, stdout, stderr } = await run(["ansible-playbook", "-i", "localhost,", file], { env });
      assertEquals(code, 0, `${stdout}${stderr}`);
      return /changed=(\d)/.exec(stdout)?.[1];
    };
    assertEquals(await playbook("started"), "1");
    assertEquals(await drey`exec c1 -- hostname`, "c1\n");
    assertEquals(await drey`config get c1 user.team`, "web\n");
    assertEquals(await playbook("started"), "0", "a second run changes nothing");
    assertEquals(await playbook("frozen"), "1");
    assertStringIncludes(await drey`list --format csv -c s`, "FROZEN");
    assertEquals(await playbook("absent"), "1");
    assertEquals(await drey`list --format csv`, "");
  },
);
