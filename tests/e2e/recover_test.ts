// Instances and volumes that come back from their files after the database was lost.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { run } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** Forgets everything drey knows, as a lost disk would. */
async function loseDatabase(drey: Drey): Promise<void> {
  await Deno.remove(join(drey.directory, "database"), { recursive: true });
}

/** Names of instances with their snapshots. */
async function shown(drey: Drey, name: string) {
  const { config, snapshots, profiles, description } = JSON.parse(
    await drey`query ${`/1.0/instances/${name}?recursion=1`}`,
  );
  return {
    config,
    profiles,
    description,
    snapshots: (snapshots ?? []).map(({ name }: { name: string }) => name),
  };
}

await e2e("what the database has lost comes back from the files", { needs }, async (drey) => {
  const elsewhere = `${drey.directory}/elsewhere`;
  await Deno.mkdir(elsewhere);
  await drey`storage create fast dir source=${elsewhere} user.team=shop`;
  await drey`init tiny c1 -c user.color=red -c boot.autostart=true`;
  await drey`config set c1 description=${"the first"} --property`;
  await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "one" });
  await drey`snapshot c1 s0`;
  await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "two" });
  await drey`copy c1/s0 c2 --storage fast`;
  await drey`storage volume create default data user.a=b`;
  await drey`storage volume snapshot default data before`;
  await drey`storage volume create fast disk --type=block size=1MiB`;
  await drey`storage volume attach default data c1 /data`;
  const before = await shown(drey, "c1");
  assertEquals(before.snapshots, ["s0"]);

  await loseDatabase(drey);
  assertEquals(await drey`list -f csv -c n`, "");
  const looked = await drey.tries`recover`;
  assertMatch(looked.stdout, /instance "c1" in pool "default" and project "default", snapshots: 1/);
  assertEquals([looked.code, await drey`list -f csv -c n`], [1, ""], "nobody has agreed");
  assertMatch(await drey`recover --yes`, /^Recovered: c1, data, c2, disk$/m);

  assertEquals(await shown(drey, "c1"), before);
  assertEquals(await drey`file pull c1/root/f -`, "two");
  assertEquals(await drey`file pull c2/root/f -`, "one");
  await drey`start c1`;
  assertMatch(await drey`exec c1 -- cat /proc/mounts`, / \/data /);
  await drey`stop -f c1`;
  await drey`restore c1 s0`;
  assertEquals(await drey`file pull c1/root/f -`, "one");
  assertEquals(await drey`storage get fast user.team`, "shop\n");
  assertEquals(await drey`storage volume get default data user.a`, "b\n");
  assertEquals(await drey`storage volume get fast disk size`, "1MiB\n");
  assertMatch(await drey`storage volume list default type=custom -f csv`, /data\/before/);
  assertMatch(await drey`recover`, /Nothing is lost/);
  await drey`delete c1 c2`;
  await drey`storage volume delete fast disk`;
  await drey`storage delete fast`;
});

await e2e("what something lost needs is named before it comes back", { needs }, async (drey) => {
  await drey`profile create web`;
  await drey`project create shop -c features.images=false -c features.profiles=false`;
  await drey`init tiny c1 -p default -p web`;
  await drey`init tiny c2 --project shop`;
  await loseDatabase(drey);
  const refused = await drey.tries`recover --yes`;
  assertMatch(refused.stdout, / - Profile "web" in project "default"\n - Project "shop"\n/);
  assertMatch(refused.stderr, /what is needed is missing/);
  assertEquals(await drey`list -f csv -c n`, "");
  await drey`profile create web`;
  await drey`project create shop -c features.images=false -c features.profiles=false`;
  await drey`recover --yes`;
  assertEquals(await drey`list --all-projects -f csv -c n`, "default,c1\nshop,c2\n");
  await drey`delete c2 --project shop`;
});

await e2e("what was changed into something that may not be stays away, and all else comes back", {
  needs,
}, async (drey) => {
  await drey`project create shop -c features.images=false -c features.profiles=false`;
  for (const name of ["c1", "c2", "c3"]) await drey`init tiny ${name} --project shop`;
  const change = async (name: string, from: RegExp, to: string) => {
    const path = `${drey.directory}/storage-pools/default/containers/shop_${name}/backup.yaml`;
    const text = await Deno.readTextFile(path);
    assertMatch(text, from);
    await Deno.writeTextFile(path, text.replace(from, to));
  };
  await change("c1", /"volatile.uuid":/, '"limits.memory": "much", "volatile.uuid":');
  await change(
    "c2",
    /"devices": \{/,
    '"devices": { "all": { "type": "disk", "source": "/", "path": "/host" } ',
  );
  await loseDatabase(drey);
  await drey`project create shop -c features.images=false -c features.profiles=false -c restricted=true`;
  const { stderr } = await drey.tries`recover --yes`;
  assertMatch(
    stderr,
    /Cannot recover instance "c1": Invalid value for "limits.memory".*shop_c1\/backup.yaml/,
  );
  assertMatch(stderr, /Cannot recover instance "c2": .*device "all".*restricted\.devices\.disk/);
  assertEquals(await drey`list --project shop -f csv -c n`, "c3\n");
  await change("c1", /"much"/, '"1GiB"');
  await drey`project unset shop restricted`;
  await drey`recover --yes`;
  await drey`delete c1 c2 c3 --project shop`;
});

await e2e("what comes back without a description has what its files tell", {
  needs,
}, async (drey) => {
  await drey`init tiny c1`;
  await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "one" });
  await drey`snapshot c1 s0`;
  await drey`storage volume create default my_data`;
  const pool = `${drey.directory}/storage-pools/default`;
  await Deno.remove(`${pool}/containers/c1/backup.yaml`);
  await Deno.writeTextFile(`${pool}/custom/default_my_data/backup.yaml`, "cut of[");
  await loseDatabase(drey);
  await drey`recover --yes`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /root/f`, "one");
  assertMatch(await drey`info c1`, /s0/);
  assertMatch(await drey`storage volume list default type=custom -f csv`, /custom,my_data,/);
});

await e2e("a virtual machine comes back as one", { needs }, async (drey) => {
  await drey`init v1 --empty --vm -c user.a=b`;
  await drey`snapshot v1 s0`;
  await loseDatabase(drey);
  await drey`recover --yes`;
  assertMatch(await drey`list -f csv -c ntS`, /^v1,VIRTUAL-MACHINE,1$/m);
  assertEquals(await drey`config get v1 user.a`, "b\n");
});

await e2e("an instance that runs while the database is lost goes on", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await loseDatabase(drey);
  await drey`recover --yes`;
  assertEquals(await drey`list -f csv -c ns`, "c1,RUNNING\n");
  await drey`stop -f c1`;
});

await e2e("a pool of another installation is taken in", { needs }, async (drey) => {
  const source = `${drey.directory}/disk`;
  await Deno.mkdir(source);
  await drey`storage create p dir source=${source}`;
  await drey`storage volume create p data`;
  await loseDatabase(drey);
  await Deno.remove(`${drey.directory}/storage-pools/p`);
  assertMatch(await drey`recover`, /Nothing is lost/);
  if (Deno.uid() !== 0) {
    assertMatch((await drey.tries`recover p dir source=/usr`).stderr, /does not belong to you/);
  }
  assertMatch((await drey.tries`recover p dir`).stderr, /has no source/);
  assertMatch((await drey.tries`recover p`).stderr, /its driver is not named/);
  assertMatch(
    (await drey.tries`storage create p dir source=${source}`).stderr,
    /not empty.*source.recover=true/,
  );
  await drey`storage create p dir source=${source} source.recover=true`;
  assertEquals(await drey`storage get p source.recover`, "\n");
  assertMatch((await drey.tries`storage delete p`).stderr, /a volume that is not known: "default_data"/);
  await drey`recover --yes`;
  await drey`storage volume delete p data`;
  await drey`storage delete p`;
  await drey`storage create p dir source=${source}`;
  await drey`storage volume create p data`;
  await loseDatabase(drey);
  await Deno.remove(`${drey.directory}/storage-pools/p`);
  await drey`recover --yes p dir source=${source}`;
  assertMatch(await drey`storage list -f csv`, new RegExp(`^p,dir,${source},`, "m"));
  assertMatch(await drey`storage volume list p -f csv`, /custom,data/);
  await drey`storage volume delete p data`;
  await drey`storage delete p`;
});

await e2e("LXD's own recover program finds and brings back", { needs: [...needs, "lxd"] }, async (drey) => {
  await drey`init tiny c1`;
  await drey`snapshot c1 s0`;
  await drey`storage volume create default data`;
  await loseDatabase(drey);
  await using server = await serve(drey);
  const env = { ...Deno.env.toObject(), LXD_SOCKET: server.socket, LXD_DIR: drey.directory };
  const answers = "no\nyes\nyes\n";
  const { code, stdout, stderr } = await run(["lxd", "recover"], { env, stdin: answers });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /Container "c1" on pool "default" in project "default" \(includes 1 snapshots\)/);
  assertMatch(stdout, /Custom "data" on pool "default"/);
  assertMatch(await server.lxc("list", "-f", "csv", "-c", "nS"), /^c1,1$/m);
});
