// Projects: what is in one is not in another, except where a feature is off; by drey and by LXD's own client.

import { assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

const names = async (drey: Drey, words: string[]) =>
  (JSON.parse(await drey`list ${words} --format json`) as { name: string }[]).map(({ name }) => name);

await e2e("instances of two projects may share a name and nothing else", { needs }, async (drey) => {
  await drey`project create web -c features.images=false --storage default`;
  await drey`launch tiny c1`;
  await drey`launch tiny c1 --project web`;
  assertEquals(await names(drey, []), ["c1"]);
  assertEquals(await names(drey, ["--all-projects"]), ["c1", "c1"]);
  await drey`exec c1 --project web -- sh -c ${"echo there > /root/mark"}`;
  assertEquals((await drey.tries`exec c1 -- cat /root/mark`).code, 1);
  assertEquals(await drey`exec c1 --project web -- cat /root/mark`, "there\n");
  assertEquals((await drey.tries`project delete web`).stderr, "Error: Only empty projects can be removed\n");
  await drey`delete -f c1 --project web`;
  assertEquals(await names(drey, ["--all-projects"]), ["c1"]);
  await drey`project delete web`;
  assertEquals((await drey.tries`list --project web`).stderr, 'Error: Project "web" not found\n');
});

await e2e("a feature decides whose images and profiles a project sees", { needs }, async (drey) => {
  await drey`project create own --storage default`;
  await drey`project create shared -c features.images=false -c features.profiles=false`;
  const images = async (project: string) =>
    JSON.parse(await drey`image list --project ${project} --format json`).length as number;
  assertEquals([await images("default"), await images("own"), await images("shared")], [1, 0, 1]);
  assertMatch((await drey.tries`init tiny c1 --project own`).stderr, /"tiny" not found/);
  await drey`profile create small --project shared`;
  assertEquals(await drey`profile get small description`, "\n");
  assertMatch((await drey.tries`profile show small --project own`).stderr, /Profile "small" not found/);
  await drey`init tiny c1 --project shared -p default -p small`;
  assertMatch(await drey`profile show small`, /instances\/c1\?project=shared/);
  assertMatch((await drey.tries`profile delete small`).stderr, /currently in use/);
  await drey`profile rename small little`;
  const [instance] = JSON.parse(await drey`list --project shared --format json`);
  assertEquals(instance.profiles, ["default", "little"]);
  assertMatch(
    (await drey.tries`project set shared features.profiles=true`).stderr,
    /features can only be changed while it is empty/,
  );
  await drey`delete c1 --project shared`;
  await drey`project set shared features.profiles=true`;
  assertMatch(await drey`profile list --project shared`, /project shared/);
});

await e2e("a project holds as many instances as its limits allow", { needs }, async (drey) => {
  await drey`project create few -c features.images=false -c limits.instances=2 --storage default`;
  const ends = await Promise.all(
    ["a", "b", "c", "d"].map((name) => drey.tries`init tiny ${name} --project few`),
  );
  assertEquals(ends.map(({ code }) => code).toSorted(), [0, 0, 1, 1]);
  assertMatch(await drey`project info few`, /INSTANCES +\| 2 +\| 2/);
  await drey`config set ${
    (await names(drey, ["--project", "few"]))[0] ?? ""
  } limits.memory=64MiB --project few`;
  assertMatch(await drey`project info few`, /MEMORY +\| UNLIMITED +\| 64.00MiB/);
  assertMatch((await drey.tries`project set few limits.containers=1`).stderr, /maximum number of containers/);
  assertMatch(
    (await drey.tries`project set few limits.memory=1GiB`).stderr,
    /Instance "[a-d]" has no limits.memory/,
  );
  assertMatch((await drey.tries`project set few nonsense=1`).stderr, /Invalid project configuration key/);
  await drey`delete ${await names(drey, ["--project", "few"])} --project few`;
});

await e2e(
  "what instances of a project may use is limited together",
  { needs: [...needs, "lxc"] },
  async (drey) => {
    await drey`project create sum -c features.images=false -c limits.memory=1GiB -c limits.disk.pool.default=3GiB
    -c restricted=true -c restricted.snapshots=allow --storage default`;
    const { stderr } = await drey.tries`init tiny a --project sum`;
    assertMatch(stderr, /Instance "a" has no limits.memory/);
    await drey`profile set default limits.memory=512MiB --project sum`;
    await drey`profile device set default root size=1GiB --project sum`;
    await drey`init tiny a --project sum`;
    await drey`init tiny b --project sum`;
    assertMatch(
      (await drey.tries`init tiny c --project sum`).stderr,
      /maximum aggregate value for limits.memory/,
    );
    assertMatch(await drey`project info sum`, /MEMORY +\| 1.00GiB +\| 1.00GiB/);
    const refused = async (pattern: RegExp, command: Promise<{ code: number; stderr: string }>) => {
      const { code, stderr } = await command;
      assertEquals(code, 1);
      assertMatch(stderr, pattern);
    };
    await refused(/limits.memory/, drey.tries`config set a limits.memory=600MiB --project sum`);
    await refused(/limits.memory/, drey.tries`profile set default limits.memory=600MiB --project sum`);
    await refused(
      /limits.disk.pool.default/,
      drey.tries`storage volume create default v --type block size=2GiB --project sum`,
    );
    await refused(
      /restricted.containers.nesting/,
      drey.tries`config set a security.nesting=true --project sum`,
    );
    await refused(
      /restricted.devices.disk/,
      drey.tries`config device add a d disk source=/ path=/mnt --project sum`,
    );
    await refused(
      /does not allow backups/,
      drey.tries`export a ${`${drey.directory}/a.tar.gz`} --project sum`,
    );
    await drey`snapshot a one --project sum`;
    await refused(/limits.memory/, drey.tries`project set sum limits.memory=1000MiB`);
    await using server = await serve(drey);
    await refused(
      /restricted.containers.nesting/,
      server.tries(["config", "set", "a", "security.nesting=true", "--project", "sum"]),
    );
    await server.lxc("project", "set", "sum", "restricted.containers.nesting=allow");
    await server.lxc("config", "set", "a", "security.nesting=true", "--project", "sum");
    await refused(
      /restricted.containers.nesting/,
      server.tries(["project", "set", "sum", "restricted.containers.nesting=block"]),
    );
    await drey`delete a b --project sum`;
    await drey`image export tiny ${`${drey.directory}/tiny`}`;
    await drey`project create pictures -c limits.disk=1KiB`;
    const files = Array.from(Deno.readDirSync(drey.directory), ({ name }) => `${drey.directory}/${name}`)
      .filter((path) => /\/tiny\b/.test(path)).toSorted();
    const bring = ["image", "import", ...files, "--alias", "pic", "--project", "pictures"];
    await refused(/limits.disk in project "pictures"/, drey.run(bring));
    await refused(/limits.disk in project "pictures"/, server.tries(bring));
    assertEquals(await drey`image list --project pictures --format csv`, "");
    await drey`project set pictures limits.disk=1GiB`;
    await server.lxc(...bring);
    await drey`image delete pic --project pictures`;
  },
);

await e2e(
  "of two who go back to snapshots at once, both do not find the last room",
  { needs },
  async (drey) => {
    await drey`project create web -c features.images=false -c features.profiles=false`;
    for (const name of ["c1", "c2"]) {
      await drey`init tiny ${name} --project web -c limits.memory=2GiB`;
      await drey`snapshot ${name} s0 --project web`;
      await drey`config set ${name} limits.memory=1GiB --project web`;
    }
    await drey`project set web limits.memory=3GiB`;
    const back = (name: string) => drey.tries`restore ${name} s0 --project web`;
    const codes = (await Promise.all([back("c1"), back("c2")])).map(({ code }) => code);
    assertEquals(codes.toSorted(), [0, 1]);
    await drey`delete c1 c2 --project web`;
  },
);

await e2e("commands mean the project that was switched to", { needs }, async (drey) => {
  await drey`project create web -c features.images=false --storage default`;
  assertEquals((await drey.tries`project switch none`).code, 1);
  await drey`project switch web`;
  assertEquals(await drey`project get-current`, "web\n");
  await drey`init tiny c1`;
  assertEquals(await names(drey, ["--project", "web"]), ["c1"]);
  assertEquals(await names(drey, ["--project", "default"]), []);
  assertEquals(await names(drey, ["--all-projects"]), ["c1"]);
  assertMatch(await drey`project list`, /web \(current\)/);
  await drey`copy c1 c2 --target-project default`;
  assertEquals(await names(drey, ["--project", "default"]), ["c2"]);
  await drey`delete c2 --project default`;
  await drey`delete c1`;
  await drey`project rename web site`;
  assertEquals(await drey`project get-current`, "site\n");
  await drey`project delete site`;
  assertEquals(await drey`project get-current`, "default\n");
});

await e2e("LXD's own client works in projects", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  const { lxc, tries } = server;
  await lxc("project", "create", "web", "-c", "features.images=false");
  await lxc(
    "profile",
    "device",
    "add",
    "default",
    "root",
    "disk",
    "path=/",
    "pool=default",
    "--project",
    "web",
  );
  await lxc("launch", "tiny", "c1", "--project", "web");
  assertEquals(JSON.parse(await lxc("list", "--format", "json")), []);
  assertMatch(await lxc("list", "--all-projects"), /web +\| c1/);
  assertEquals(await lxc("exec", "c1", "--project", "web", "--", "hostname"), "c1\n");
  await lxc("project", "switch", "web");
  assertMatch(await lxc("list", "--all-projects"), /web +\| c1/);
  assertMatch(await lxc("list"), /c1/);
  assertMatch(await lxc("project", "list"), /web \(current\) +\| NO +\| YES/);
  assertMatch(await lxc("project", "show", "web"), /- \/1.0\/instances\/c1\?project=web/);
  assertMatch(await lxc("project", "info", "web"), /INSTANCES +\| UNLIMITED +\| 1/);
  await lxc("project", "set", "web", "user.team", "a");
  assertEquals(await lxc("project", "get", "web", "user.team"), "a\n");
  await lxc("project", "unset", "web", "user.team");
  assertMatch((await tries(["project", "delete", "web"])).stderr, /Only empty projects can be removed/);
  await lxc("delete", "-f", "c1");
  await lxc("project", "switch", "default");
  await lxc("project", "rename", "web", "site");
  const edited = await tries(["project", "edit", "site"], { stdin: "description: Sites\nconfig: {}\n" });
  assertEquals(edited.stderr, "");
  assertMatch(await lxc("project", "show", "site"), /description: Sites/);
  await lxc("project", "delete", "site");
  assertEquals((await tries(["project", "delete", "default"])).code, 1);
});
