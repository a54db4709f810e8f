// Backups in the format of a storage driver: streams of btrfs, which LXD's pools of that driver read and write too.

import { assertEquals, assertMatch } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { startLxd } from "../support/foreign_lxd.ts";

const needs = ["userns", "overlay"] as const;
const hasBtrfs = missingTools(["btrfs"]).length === 0;

/** An instance of two snapshots, with a file that says which state it is in. */
async function fill(drey: Drey): Promise<void> {
  await drey`launch tiny c1 --storage b -c user.a=b`;
  for (const state of ["one", "two"]) {
    await drey`exec c1 -- sh -c ${`echo ${state} >/root/f; chown 7:8 /root/f; chmod 4711 /root/f`}`;
    await drey`snapshot c1 ${state}`;
  }
  await drey`exec c1 -- sh -c ${"echo now >/root/f; chmod 4711 /root/f; ln /root/f /root/g"}`;
}

async function mustBeWhole(drey: Drey, name: string): Promise<void> {
  await drey`start ${name}`;
  const look = [
    "--",
    "sh",
    "-c",
    "cat /root/f; stat -c '%u %g %a %h' /root/f; stat -c '%u %g %a' /usr/bin/cat",
  ];
  assertEquals(await drey`exec ${name} ${look}`, "now\n7 8 4711 2\n0 0 755\n");
  await drey`stop -f ${name}`;
  await drey`restore ${name} one`;
  assertEquals(await drey`file pull ${name}/root/f -`, "one\n");
}

if (hasBtrfs) {
  await e2e(
    "an optimized backup holds streams, and is imported into a btrfs",
    { needs: [...needs, "root"] },
    async (drey) => {
      await drey`storage create b btrfs size=500MiB`;
      await fill(drey);
      const file = `${drey.directory}/c1.tar`;
      await drey`export c1 ${file} --optimized-storage --compression none`;
      assertEquals((await runChecked(["tar", "-tf", file])).split("\n"), [
        "backup/index.yaml",
        "backup/optimized_header.yaml",
        "backup/snapshots/one.bin",
        "backup/snapshots/two.bin",
        "backup/container.bin",
        "",
      ]);
      const { size } = await Deno.stat(file);
      const { used } = JSON.parse(await drey`query /1.0/storage-pools/b/volumes/container/c1/state`).usage;
      assertEquals(size < 1.5 * used, true, `${size} bytes for three states of ${used} each`);
      await drey`import ${file} c2`;
      await mustBeWhole(drey, "c2");
      // files that belong to others are given to the ids of the new instance
      await drey`stop -f c1`;
      await drey`copy c1 c3 -c security.idmap.isolated=true`;
      await drey`export c3 ${file} --optimized-storage`;
      await drey`import ${file} c4`;
      await mustBeWhole(drey, "c4");
      assertMatch(
        (await drey.tries`import ${file} c5 --storage default`).stderr,
        /in the format of the storage driver "btrfs" here.*It wants a storage pool of that driver/,
      );
      await drey`init tiny c6`;
      assertMatch(
        (await drey.tries`export c6 ${file} --optimized-storage`).stderr,
        /driver dir have no format of their own/,
      );
      await drey`delete c1 c2 c3 c4`;
      await drey`storage delete b`;
    },
  );

  await e2e(
    "what LXD has exported as a stream is imported",
    { needs: [...needs, "root", "lxd"] },
    async (drey) => {
      await using lxd = await startLxd(drey.directory);
      await lxd.lxc("storage", "create", "b", "btrfs", "size=500MiB");
      await lxd.lxc("image", "import", ...await imageFiles("tiny"), "--alias", "tiny");
      await lxd.lxc("init", "tiny", "c1", "-s", "b");
      await lxd.lxc("file", "push", "/etc/hostname", "c1/root/f", "--uid", "7", "--gid", "8");
      await lxd.lxc("snapshot", "c1", "s0");
      const file = `${drey.directory}/theirs.tar`;
      await lxd.lxc("export", "c1", file, "--optimized-storage");
      await lxd.lxc("delete", "c1");
      await lxd.lxc("image", "delete", "tiny");
      await lxd.lxc("storage", "delete", "b");
      await drey`storage create b btrfs size=500MiB`;
      await drey`import ${file} c1`;
      await drey`start c1`;
      assertEquals(await drey`exec c1 -- stat -c ${"%u %g"} /root/f /usr/bin/cat`, "7 8\n0 0\n");
      await drey`stop -f c1`;
      await drey`restore c1 s0`;
      assertEquals(await drey`file pull c1/root/f -`, await Deno.readTextFile("/etc/hostname"));
      await drey`delete -f c1`;
      await drey`storage delete b`;
    },
  );
}
