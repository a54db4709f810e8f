// Backups in the format of a storage driver: streams of btrfs, which LXD's pools of that driver read and write too.

import { assertEquals, assertMatch } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { namesIn } from "../../sys/present.ts";
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

/** A volume of files and a disk, with a snapshot each, of which the files know who they belong to. */
async function fillVolumes(drey: Drey): Promise<void> {
  await drey`storage volume create b data`;
  await drey`storage volume create b disk --type=block size=2MiB`;
  await drey`init tiny v1`;
  await drey`storage volume attach b data v1 /srv`;
  await drey`start v1`;
  const write = (text: string) =>
    `cd /srv; echo ${text} >f; chown 7:8 f; chmod 4711 f; mkdir -p rootfs; echo ${text} >rootfs/in; chown 9:9 .; chmod 751 .`;
  const disk = `${drey.directory}/storage-pools/b/custom/default_disk/rootfs/root.img`;
  const writeDisk = async (text: string) => {
    using file = await Deno.open(disk, { write: true });
    await file.write(new TextEncoder().encode(text));
  };
  await drey`exec v1 -- sh -c ${write("first")}`;
  await writeDisk("first");
  for (const name of ["data", "disk"]) await drey`storage volume snapshot b ${name} s0`;
  await drey`exec v1 -- sh -c ${write("later")}`;
  await writeDisk("later");
  await drey`delete -f v1`;
}

async function mustBeWholeVolume(drey: Drey, name: string): Promise<void> {
  await drey`init tiny v2`;
  await drey`storage volume attach b ${name} v2 /srv`;
  await drey`start v2`;
  const look = "cd /srv; cat f rootfs/in; stat -c '%u %g %a' f .; ls";
  assertEquals(await drey`exec v2 -- sh -c ${look}`, "later\nlater\n7 8 4711\n9 9 751\nf\nrootfs\n");
  await drey`stop -f v2`;
  await drey`storage volume restore b ${name} s0`;
  await drey`start v2`;
  assertEquals(await drey`exec v2 -- cat /srv/f /srv/rootfs/in`, "first\nfirst\n");
  await drey`delete -f v2`;
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
      // elsewhere a backup is a plain one, as LXD has it
      await drey`init tiny c6`;
      const plain = await drey.tries`export c6 ${file} --optimized-storage --compression none`;
      assertMatch(plain.stderr, /the backup is a plain one: storage pools of driver dir have no format/);
      assertMatch(await runChecked(["tar", "-tf", file]), /^backup\/container\/rootfs\/usr/m);
      await drey`import ${file} c7 --storage b`;
      await drey`delete c1 c2 c3 c4 c6 c7`;
      await drey`storage delete b`;
    },
  );

  await e2e(
    "volumes of a btrfs are exported as streams and imported, disks too",
    { needs: [...needs, "root"] },
    async (drey) => {
      await drey`storage create b btrfs size=500MiB`;
      await fillVolumes(drey);
      const file = (name: string) => `${drey.directory}/${name}.tar`;
      for (const name of ["data", "disk"]) {
        await drey`storage volume export b ${name} ${file(name)} --optimized-storage --compression none`;
        assertEquals((await runChecked(["tar", "-tf", file(name)])).split("\n"), [
          "backup/index.yaml",
          "backup/optimized_header.yaml",
          "backup/volume-snapshots/s0.bin",
          "backup/volume.bin",
          "",
        ]);
      }
      assertEquals(namesIn(`${drey.directory}/storage-pools/b/temporary`), []);
      await drey`storage volume import b ${file("data")} again`;
      await drey`storage volume import b ${file("disk")} disk2`;
      await mustBeWholeVolume(drey, "again");
      const disk = (place: string) =>
        Deno.readTextFileSync(`${drey.directory}/storage-pools/b/${place}/rootfs/root.img`);
      assertEquals(disk("custom/default_disk2").slice(0, 5), "later");
      assertEquals(disk("custom-snapshots/default_disk2/s0").slice(0, 5), "first");
      assertEquals(await drey`storage volume get b disk2 size`, "2MiB\n");
      await drey`storage create d dir`;
      assertMatch(
        (await drey.tries`storage volume import d ${file("data")} more`).stderr,
        /It wants a storage pool of that driver/,
      );
      for (const name of ["data", "again", "disk", "disk2"]) await drey`storage volume delete b ${name}`;
      await drey`storage delete b`;
    },
  );

  await e2e(
    "LXD imports drey's streams, and drey LXD's",
    { needs: [...needs, "root", "lxd"] },
    async (drey) => {
      await using lxd = await startLxd(drey.directory);
      const { lxc } = lxd;
      const file = (name: string) => `${drey.directory}/${name}.tar`;
      // LXD now and then waits forever for a compressed one, its own or ours
      const wish = ["--optimized-storage", "--compression=none"];
      await drey`storage create b btrfs size=500MiB`;
      await fill(drey);
      await fillVolumes(drey);
      await drey`export c1 ${file("c1")} ${wish}`;
      for (const name of ["data", "disk"]) {
        await drey`storage volume export b ${name} ${file(name)} ${wish}`;
      }
      await drey`delete -f c1`;
      for (const name of ["data", "disk"]) await drey`storage volume delete b ${name}`;

      await lxc("storage", "create", "b", "btrfs", "size=500MiB");
      await lxc("import", file("c1"), "c1");
      assertEquals(await lxc("file", "pull", "c1/root/f", "-"), "now\n");
      for (const name of ["data", "disk"]) await lxc("storage", "volume", "import", "b", file(name), name);
      const there = `${drey.directory}/lxd/storage-pools/b/custom`;
      assertEquals(namesIn(`${there}/default_data`).toSorted(), ["f", "rootfs"]);
      assertEquals(Deno.readTextFileSync(`${there}-snapshots/default_data/s0/f`), "first\n");
      assertEquals(Deno.readTextFileSync(`${there}/default_disk/root.img`).slice(0, 5), "later");

      await lxc("export", "c1", file("c1"), ...wish);
      await lxc("delete", "c1");
      for (const name of ["data", "disk"]) {
        await lxc("storage", "volume", "export", "b", name, file(name), ...wish);
        await lxc("storage", "volume", "delete", "b", name);
      }
      await lxc("storage", "delete", "b");
      await drey`import ${file("c1")} c1`;
      await mustBeWhole(drey, "c1");
      for (const name of ["data", "disk"]) await drey`storage volume import b ${file(name)}`;
      await mustBeWholeVolume(drey, "data");
      await drey`delete -f c1`;
      for (const name of ["data", "disk"]) await drey`storage volume delete b ${name}`;
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
