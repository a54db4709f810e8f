// Storage pools as people and LXD's client use them, of every driver this host has.

import { assertEquals, assertMatch } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { runChecked } from "../../sys/run.ts";
import { dreyAt, e2e } from "../support/drey.ts";
import { unmet } from "../support/needs.ts";
import { openQuotaDisk } from "../support/quota_disk.ts";
import { serve } from "../support/server.ts";

const needs = ["userns"] as const;

await e2e("pools are created, changed, shown and deleted", { needs }, async (drey) => {
  const source = `${drey.directory}/elsewhere`;
  await Deno.mkdir(source, { mode: 0o755 });
  assertEquals(
    await drey`storage create fast dir source=${source} user.team=shop`,
    "Storage pool fast created\n",
  );
  // a set-uid program of an instance's would be run by any user who finds it
  assertEquals((Deno.statSync(source).mode ?? 0) & 0o777, 0o700);
  assertMatch(await drey`storage list`, /\| fast +\| dir +\| .*elsewhere +\| +\| 0 +\| CREATED/);
  assertEquals(await drey`storage get fast user.team`, "shop\n");
  await drey`storage set fast user.team=bar`;
  await drey`storage set fast description=${"the fast one"} --property`;
  await drey`storage unset fast user.team`;
  assertMatch(await drey`storage show fast`, /^description: the fast one$/m);
  assertMatch(await drey`storage info fast`, /total space: /);
  assertMatch((await drey.tries`storage set fast source=/tmp`).stderr, /"source" cannot be changed/);
  assertMatch((await drey.tries`storage set fast nonsense=1`).stderr, /Invalid option/);
  assertMatch((await drey.tries`storage set fast rsync.bwlimit=1`).stderr, /volumes do not travel by rsync/);
  await drey`init tiny c1 --storage fast`;
  assertEquals([...Deno.readDirSync(`${source}/containers`)].map(({ name }) => name), ["c1"]);
  assertMatch((await drey.tries`storage delete fast`).stderr, /currently in use.*\/1.0\/instances\/c1/);
  await drey`delete c1`;
  assertEquals(await drey`storage delete fast`, "Storage pool fast deleted\n");
  assertEquals([...Deno.readDirSync(source)], []);
});

await e2e("a pool is refused where it cannot be", { needs }, async (drey) => {
  const full = `${drey.directory}/full`;
  await Deno.mkdir(`${full}/of/things`, { recursive: true });
  const refused = async (...words: string[]) => (await drey.run(["storage", "create", ...words])).stderr;
  assertMatch(await refused("p", "dir", `source=${full}`), /is not empty/);
  assertMatch(await refused("p", "dir", "source=/no/such/place"), /is not a directory/);
  assertMatch(await refused("p", "dir", "source=relative"), /is not absolute/);
  if (Deno.uid() !== 0) assertMatch(await refused("p", "dir", "source=/usr"), /does not belong to you/);
  assertMatch(await refused("p", "zfs"), /not supported yet/);
  assertMatch(await refused("p", "floppy"), /Unknown storage driver/);
  assertMatch(await refused("p", "dir", "size=1GiB"), /Invalid option/);
  assertMatch(await refused("default", "dir"), /already exists/);
  assertMatch(await refused("a/b", "dir"), /Invalid storage pool name/);
  assertMatch((await drey.tries`init tiny c1 --storage nowhere`).stderr, /Storage pool "nowhere" not found/);
});

await e2e("lxc handles pools", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await server.lxc("storage", "create", "p2", "dir");
  const edited = { config: { source: `${drey.directory}/storage-pools/p2` }, description: "second" };
  assertEquals((await server.tries(["storage", "edit", "p2"], { stdin: JSON.stringify(edited) })).code, 0);
  await server.lxc("storage", "set", "p2", "user.a", "b");
  assertEquals(await server.lxc("storage", "get", "p2", "user.a"), "b\n");
  assertMatch(await server.lxc("storage", "show", "p2"), /^description: second$/m);
  assertMatch(await server.lxc("storage", "info", "p2"), /total space: /);
  await server.lxc("launch", "tiny", "c1", "-s", "p2");
  assertMatch(await server.lxc("storage", "list"), /p2 .*\| 1 /);
  assertEquals((await server.tries(["storage", "delete", "p2"])).code, 1);
  await server.lxc("delete", "-f", "c1");
  await server.lxc("storage", "delete", "p2");
});

await e2e("a size nothing enforces is watched, and drey says so", { needs }, async (drey) => {
  const made = await drey.tries`init tiny c1 -d root,size=1MiB`;
  assertMatch(made.stderr, /nothing holds the root disk to 1.00MiB/);
  const usage = await drey`query /1.0/storage-pools/default/volumes/container/c1/state`;
  assertMatch(usage, /"total": 1048576/);
  await drey.run(["file", "push", "-", "c1/root/big"], { stdin: "x".repeat(3_000_000) });
  assertMatch((await drey.tries`start c1`).stderr, /the root disk holds .*, more than its size of 1.00MiB/);
  assertMatch(
    (await drey.tries`config device set c1 root size=nonsense`).stderr,
    /expected a size such as 10GiB/,
  );
});

await e2e("a volume's size that nothing enforces is watched, and drey says so", { needs }, async (drey) => {
  const probe = await drey.tries`storage volume create default probe size=1GiB`;
  await drey`storage volume delete default probe`;
  if (Deno.uid() === 0 && probe.stderr === "") return; // this disk has project quotas
  const says =
    /data: nothing holds storage volume "data" to 1.00MiB: storage pools of driver dir cannot here/;
  assertMatch((await drey.tries`storage volume create default data size=1MiB`).stderr, says);
  const notes = async () =>
    (JSON.parse(await drey`warning list --all --format json`) as {
      type: string;
      entity_url: string;
      status: string;
    }[])
      .filter(({ type }) => type === "Storage volume is not held to its size")
      .map(({ entity_url, status }) => `${entity_url} ${status}`);
  const address = "/1.0/storage-pools/default/volumes/custom";
  assertEquals(await notes(), [`${address}/data?project=default new`]);
  await drey`storage volume copy default/data default/other`;
  assertMatch((await drey.tries`storage volume set default other size=2MiB`).stderr, /to 2.00MiB/);
  await drey`storage volume unset default other size`;
  await drey`storage volume rename default data late`;
  assertEquals(await notes(), [
    `${address}/other?project=default resolved`,
    `${address}/late?project=default new`,
  ]);
  await drey`init tiny c1`;
  await drey`storage volume attach default late c1 /srv`;
  assertEquals((await drey.tries`start c1`).stderr.includes("more than its size"), false);
  await drey`exec c1 -- sh -c ${"head -c 3000000 /dev/zero >/srv/big"}`;
  await drey`stop -f c1`;
  assertMatch(
    (await drey.tries`start c1`).stderr,
    /storage volume "late" holds .*, more than its size of 1.00MiB/,
  );
  assertMatch(await drey`storage volume info default late`, /Total: 1.00MiB/);
  await drey`delete -f c1`;
  await drey`storage volume snapshot default late s0`;
  await drey`storage volume restore default late s0`;
  const file = `${drey.directory}/late.tar`;
  await drey`storage volume export default late ${file} --compression none`;
  assertMatch((await drey.tries`storage volume import default ${file} again`).stderr, /again.*to 1.00MiB/);
  for (const name of ["late", "other", "again"]) await drey`storage volume delete default ${name}`;
  assertEquals(await notes(), []);
});

await e2e(
  "project quotas hold volumes of a directory to their size",
  { needs: [...needs, "project-quota"] },
  async (drey) => {
    await using disk = await openQuotaDisk();
    const source = `${disk.path}/pool`;
    await Deno.mkdir(source);
    await drey`storage create q dir source=${source}`;
    await drey`storage volume create q data size=20MiB`;
    assertEquals((await drey.tries`launch tiny c1 --storage q -d root,size=30MiB`).stderr, "");
    await drey`storage volume attach q data c1 /srv`;
    const fill = async (path: string, megabytes: number) => {
      const script = `head -c ${megabytes}000000 /dev/urandom >${path} 2>/dev/null || echo full; rm ${path}`;
      return await drey`exec c1 -- sh -c ${script}`;
    };
    assertEquals(await fill("/root/big", 40), "full\n");
    assertEquals(await fill("/root/big", 20), "");
    assertEquals(await fill("/srv/big", 25), "full\n");
    await drey`config device set c1 root size=60MiB`;
    await drey`storage volume set q data size=40MiB`;
    assertEquals([await fill("/root/big", 40), await fill("/srv/big", 25)], ["", ""]);
    await drey`stop -f c1`;
    await drey`snapshot c1`;
    await drey`storage volume snapshot q data s0`;
    await drey`storage volume restore q data s0`;
    await drey`restore c1 snap0`;
    await drey`copy c1 c2`;
    await drey`storage volume copy q/data q/other`;
    await drey`start c1`;
    assertEquals([await fill("/root/big", 70), await fill("/srv/big", 50)], ["full\n", "full\n"]);
    assertEquals([await fill("/root/big", 40), await fill("/srv/big", 25)], ["", ""]);
    await drey`storage volume unset q data size`;
    assertEquals(await fill("/srv/big", 50), "");
    await drey`delete -f c1`;
    await drey`storage volume attach q other c2 /srv`;
    await drey`rename c2 c1`;
    await drey`start c1`;
    assertEquals([await fill("/root/big", 70), await fill("/srv/big", 50)], ["full\n", "full\n"]);
    await drey`delete -f c1`;
    await drey`storage volume delete q data`;
    await drey`storage volume delete q other`;
    await drey`storage delete q`;
  },
);

await e2e(
  "a root in a file is held to its size, for users too",
  { needs: [...needs, "fuse2fs"] },
  async (drey) => {
    await drey`storage create f dir dir.file_backed=true`;
    assertEquals((await drey.tries`init tiny c1 --storage f -d root,size=60MiB`).stderr, "");
    await drey`start c1`;
    const late = (await drey.tries`config device set c1 root size=61MiB`).stderr;
    assertMatch(late, /nothing holds the root disk to 61.00MiB: stop the instance, and set it again/);
    const fill = async () =>
      await drey`exec c1 -- sh -c ${"head -c 80000000 /dev/zero >/root/big 2>/dev/null || echo full; rm /root/big"}`;
    assertEquals(await fill(), "full\n");
    await drey`exec c1 -- sh -c ${"echo one >/root/f"}`;
    assertMatch((await drey.tries`snapshot c1 s0`).stderr, /cannot be copied while it runs/);
    await drey`stop -f c1`;
    await drey`snapshot c1 s0`;
    await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "two" });
    await drey`config device set c1 root size=130MiB`;
    await drey`copy c1/s0 c2`;
    await drey`start c1`;
    assertEquals([await fill(), await drey`exec c1 -- cat /root/f`], ["", "two"]);
    assertEquals(await drey`file pull c2/root/f -`, "one\n");
    await drey`delete -f c1 c2`;
    await drey`storage delete f`;
  },
);

await e2e("a root in a file needs fuse2fs", { needs }, async (drey) => {
  if (await unmet(["fuse2fs"]) === undefined) return void await drey`storage list`;
  await drey`storage create f dir dir.file_backed=true`;
  const made = await drey.tries`init tiny c1 --storage f -d root,size=60MiB`;
  const lacking = /nothing holds the root disk to \d0.00MiB: .*(\/dev\/fuse|is not installed)/;
  assertMatch(made.stderr, lacking);
  await drey`start c1`;
  assertMatch((await drey.tries`config device set c1 root size=70MiB`).stderr, lacking);
  await drey`delete -f c1`;
});

const hasBtrfs = missingTools(["btrfs"]).length === 0;

if (hasBtrfs) {
  await e2e(
    "a btrfs for a user is refused where it cannot be",
    { needs: [...needs, "user"] },
    async (drey) => {
      assertMatch(
        (await drey.tries`storage create b btrfs`).stderr,
        /only root may mount.*Name a directory of yours on a mounted btrfs/,
      );
      assertMatch(
        (await drey.tries`storage create b btrfs source=${drey.directory}`).stderr,
        /is not on a btrfs/,
      );
    },
  );
}
if (hasBtrfs) {
  await e2e("a btrfs in a file holds a root to its size", { needs: [...needs, "root"] }, async (drey) => {
    await drey`storage create b btrfs size=400MiB`;
    await drey`launch tiny c9 --storage b -d root,size=60MiB`;
    const fill = "head -c 80000000 /dev/urandom >/root/big || echo full";
    assertMatch((await drey.run(["exec", "c9", "--", "sh", "-c", fill])).stdout, /full/);
    await drey`config device set c9 root size=200MiB`;
    assertEquals((await drey.run(["exec", "c9", "--", "sh", "-c", fill])).stdout, "");
    await drey`snapshot c9 s0`;
    const kept = JSON.parse(await drey`query /1.0/instances/c9/snapshots?recursion=1`) as { size: number }[];
    assertEquals(kept.map(({ size }) => size >= 0), [true]);
    assertMatch(await drey`info c9`, /\| STATEFUL \| +SIZE +\|\n[^]*\| s0 .*\| NO +\| [\d.]+(B|KiB|MiB) /);
    await drey`delete -f c9`;
    await drey`storage delete b`;
  });
}

if (hasBtrfs) {
  await e2e("a btrfs in a file may lie below a name with a blank", { needs: ["root"] }, async (drey) => {
    const other = dreyAt(`${drey.directory}/a b`);
    await other`storage create b btrfs size=256MiB`;
    assertEquals(await other`storage volume list b -f csv`, "");
    await other`storage delete b`;
  });
}

if (hasBtrfs) {
  await e2e("a btrfs on a block device is found by its id", { needs: [...needs, "root"] }, async (drey) => {
    const file = `${drey.directory}/device`;
    await runChecked(["truncate", "-s", "200M", file]);
    const device = (await runChecked(["losetup", "--show", "-f", file])).trim();
    try {
      await drey`storage create b btrfs source=${device}`;
      const id = (await drey`storage get b source`).trim();
      assertMatch(id, /^[0-9a-f-]{36}$/);
      assertEquals(await drey`storage get b volatile.initial_source`, `${device}\n`);
      await drey`init tiny c1 --storage b`;
      await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "kept" });
      await runChecked(["umount", `${drey.directory}/storage-pools/b`]); // as after a reboot
      assertEquals(await drey`file pull c1/root/f -`, "kept");
      assertMatch(
        (await drey.tries`storage create w btrfs source=${device}`).stderr,
        /is that of storage pool "b"/,
      );
      await Deno.remove(`${drey.directory}/database`, { recursive: true });
      assertMatch(await drey`recover --yes b btrfs source=${id}`, /^Recovered: c1$/m);
      assertEquals(await drey`file pull c1/root/f -`, "kept");
      await drey`delete c1`;
      await drey`storage delete b`;
      assertMatch((await drey.tries`storage create b btrfs source=${device}`).stderr, /source.wipe=true/);
      await drey`storage create b btrfs source=${device} source.wipe=true`;
      assertEquals(await drey`storage get b source.wipe`, "\n");
      await drey`storage delete b`;
    } finally {
      await runChecked(["losetup", "-d", device]);
    }
  });
}

await e2e("a pool says what its new volumes have", { needs }, async (drey) => {
  await drey`storage create p dir volume.snapshots.expiry=3d volume.size=2MiB volume.security.shared=true`;
  const said = async (name: string, key: string) => (await drey`storage volume get p ${name} ${key}`).trim();
  await drey`storage volume create p data size=3MiB`;
  assertEquals([await said("data", "size"), await said("data", "snapshots.expiry")], ["3MiB", "3d"]);
  assertEquals(await said("data", "security.shared"), "", "that is for disks");
  await drey`storage volume create p disk --type=block`;
  assertEquals([await said("disk", "size"), await said("disk", "security.shared")], ["2MiB", "true"]);
  assertMatch((await drey.tries`storage set p volume.size=much`).stderr, /Invalid value for "volume.size"/);
  assertMatch((await drey.tries`storage set p volume.user.a=b`).stderr, /volume.user.a.*not supported/);
  assertMatch((await drey.tries`storage volume create p v block.filesystem=xfs`).stderr, /pool decides it/);
  for (const name of ["data", "disk"]) await drey`storage volume delete p ${name}`;
  await drey`storage delete p`;
});

await e2e("logical volumes say what this host lacks for them", { needs }, async (drey) => {
  if (await unmet(["lvm"]) === undefined) return void await drey`storage list`;
  assertMatch(
    (await drey.tries`storage create v lvm`).stderr,
    /Cannot use storage driver "lvm" here: (only root may|lvm\(8\)|thin_check|this kernel)/,
  );
});

await e2e(
  "logical volumes hold roots and disks to their size",
  { needs: [...needs, "lvm"] },
  async (drey) => {
    const group = `drey-${crypto.randomUUID().slice(0, 8)}`;
    const create = [
      "storage",
      "create",
      "v",
      "lvm",
      "size=2GiB",
      `lvm.vg_name=${group}`,
      "volume.size=400MiB",
    ];
    await drey.run(create);
    assertMatch(
      (await drey.tries`storage create w lvm source=${group}`).stderr,
      /holds one already.*source.recover=true/,
    );
    await drey`launch tiny c9 --storage v -d root,size=150MiB`;
    const fill = (megabytes: number) =>
      drey.run([
        "exec",
        "c9",
        "--",
        "sh",
        "-c",
        `head -c ${megabytes}000000 /dev/zero >/root/big || echo full`,
      ]);
    assertMatch((await fill(160)).stdout, /full/);
    await drey`config device set c9 root size=400MiB`;
    assertEquals((await fill(160)).stdout, "");
    const shrink = "config device set c9 root size=200MiB";
    assertMatch((await drey.run(shrink.split(" "))).stderr, /Cannot make the volume smaller/);
    await drey`exec c9 -- rm /root/big`;
    await drey`stop -f c9`;
    await drey.run(shrink.split(" "));
    await drey`start c9`;
    assertMatch((await fill(210)).stdout, /full/);
    await drey`delete -f c9`;
    await drey`storage volume create v disk --type=block size=500MiB`;
    await drey`storage volume set v disk size=900MiB`;
    await drey`storage volume delete v disk`;
    await drey`storage delete v`;
  },
);
