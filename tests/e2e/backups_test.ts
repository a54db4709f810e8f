// Backups: instances and volumes saved to files in LXD's format, and made of them again.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

async function fails(drey: Drey, reason: RegExp, ...argv: string[]): Promise<void> {
  const { code, stderr } = await drey.run(argv);
  assertEquals(code, 1, argv.join(" "));
  assertMatch(stderr, reason);
}

const fill = `mkdir -p /srv/d; cd /srv/d; echo one >file; chown 1000:1000 file; chmod 4750 file; ln file hard
ln -s ../nowhere link; dd if=/dev/zero of=sparse bs=1 count=1 seek=5000000 2>/dev/null; rm /etc/hosts`;
const look =
  `cd /srv/d; stat -c '%n %u %g %a %h' file hard; readlink link; stat -c %s sparse; ls /etc/hosts 2>&1 || true`;

await e2e(
  "an exported instance is imported with its snapshots, owners, links and settings",
  { needs },
  async (drey) => {
    await drey`launch tiny c1 -c user.team=shop -c environment.A=b`;
    await drey`storage volume set default container/c1 user.note=old`;
    await drey`exec c1 -- sh -c ${fill}`;
    await drey`snapshot c1 s,0`;
    await drey`exec c1 -- sh -c ${"echo two >/srv/d/file"}`;
    const before = await drey`exec c1 -- sh -c ${look}`;
    await drey`storage volume set default container/c1 user.note=x`;
    const noteOf = (name: string) => drey`storage volume get default container/${name} user.note`;
    const file = join(drey.directory, "c1.tar.gz");
    await drey`export c1 ${file}`;
    assertEquals((await drey`list c1 --format csv`).split(",")[1], "RUNNING", "it went on meanwhile");
    const names = await runChecked(["tar", "-tzf", file]);
    assertEquals(names.split("\n")[0], "backup/index.yaml");
    for (const name of ["backup/container/backup.yaml", "backup/container/rootfs/srv/d/file"]) {
      assert(names.includes(`\n${name}\n`), name);
    }
    assert(names.includes("\nbackup/snapshots/s,0/rootfs/srv/d/file\n"));
    assertEquals(JSON.parse(await drey`query /1.0/instances/c1/backups`), []);
    await drey`delete -f c1`;
    await drey`import ${file}`;
    await drey`import ${file} c2`;
    assertEquals(await drey`config get c1 user.team`, "shop\n");
    await drey`start c1`;
    assertEquals(await drey`exec c1 -- sh -c ${look}`, before);
    assertEquals(await drey`exec c1 -- cat /srv/d/file`, "two\n");
    await drey`stop -f c1`;
    await drey`restore c1 s,0`;
    await drey`start c1`;
    assertEquals(await drey`exec c1 -- cat /srv/d/file`, "one\n");
    await fails(drey, /already exists/, "import", file);
    // a pool that is gone, where nobody names another one
    await drey`storage create gone dir`;
    await drey`move c2 c2 --storage gone`;
    await drey`snapshot c2 s1`;
    const moved = join(drey.directory, "c2.tar.gz");
    await drey`export c2 ${moved}`;
    await drey`delete c2`;
    await drey`storage delete gone`;
    await fails(drey, /"gone" not found/, "import", moved, "--storage", "gone");
    await drey`import ${moved}`;
    assertEquals(await drey`config device get c2 root pool`, "default\n");
    await drey`restore c2 s1`;
    assertEquals(await drey`config device get c2 root pool`, "default\n");
    assertEquals(await noteOf("c2"), "x\n", "what was noted on the volume went along");
    assertEquals(await noteOf("c2/s,0"), "old\n");
    await drey`copy c2 c3`;
    assertEquals(await noteOf("c3"), "x\n");
  },
);

await e2e("backups are kept, listed, renamed and deleted, and go when their time or their instance does", {
  needs,
}, async (drey) => {
  await drey`init tiny c1`;
  const post = (path: string, body: unknown) => drey`query -X POST --wait -d ${JSON.stringify(body)} ${path}`;
  await post("/1.0/instances/c1/backups", {
    name: "kept",
    compression_algorithm: "none",
    instance_only: true,
  });
  await post("/1.0/instances/c1/backups", {});
  await post("/1.0/instances/c1/backups", { name: "over", expires_at: new Date().toISOString() });
  const names = async (name = "c1") =>
    (JSON.parse(await drey`query ${`/1.0/instances/${name}/backups?recursion=1`}`) as { name: string }[]).map(
      (one) => one.name,
    );
  {
    // what is busy with an instance keeps nobody waiting
    using busy = await Deno.open(join(drey.directory, "run/locks/instances,default,c1"), {
      write: true,
      create: true,
    });
    await busy.lock(true);
    assertEquals(await names(), ["kept", "backup0", "over"]);
  }
  assertEquals(await names(), ["kept", "backup0"]);
  await drey`init tiny c0`;
  const full = JSON.parse(await drey`query /1.0/instances?recursion=2`) as { backups: unknown }[];
  const listed = JSON.parse(await drey`query ${"/1.0/instances/c1/backups?recursion=1"}`);
  assertEquals(full.map(({ backups }) => backups), [null, listed]);
  await drey`query -X DELETE --wait /1.0/instances/c1/backups/backup0`;
  await post("/1.0/instances/c1/backups/kept", { name: "called" });
  await drey`rename c1 c2`;
  assertEquals(await names("c2"), ["called"]);
  const head = await drey`query --raw ${"/1.0/instances/c2/backups/called/export"}`;
  assert(head.includes("backup/index.yaml"), "it is not compressed");
  await drey`delete c2`;
  assertEquals([...Deno.readDirSync(join(drey.directory, "backups/instances"))], []);
});

await e2e("what is no backup, or a hostile one, is refused", { needs }, async (drey) => {
  const directory = drey.directory;
  const tree = join(directory, "tree");
  const index =
    "name: evil\npool: default\nbackend: dir\ntype: container\nconfig:\n  container:\n    name: evil\n    architecture: x86_64\n    profiles: [default]\n";
  const make = async (prepare: string, ...names: string[]) => {
    await runChecked([
      "sh",
      "-euc",
      `rm -rf "$1"; mkdir -p "$1/backup/container/rootfs/etc"; cd "$1"; ${prepare}`,
      "sh",
      tree,
    ]);
    await Deno.writeTextFile(join(tree, "backup/index.yaml"), index);
    const file = join(directory, "evil.tar");
    await runChecked(["tar", "-C", tree, "-P", "-cf", file, "backup/index.yaml", ...names]);
    return file;
  };
  const root = "backup/container";
  await fails(drey, /no place in a backup/, "import", await make("touch other", root, "other"));
  await fails(
    drey,
    /leads out of the tree/,
    "import",
    await make(
      "cd backup/container/rootfs; ln -s ../../../../../.. up; mkdir real; mv up real/; ln -s / abs; ",
      "backup/container/rootfs/abs",
      "--transform=s,backup/container/rootfs/real,backup/container/rootfs/abs/x,",
      "backup/container/rootfs/real",
    ),
  );
  await fails(
    drey,
    /no place in a backup/,
    "import",
    await make("ln -s /etc/passwd backup/container/metadata.yaml", root),
  );
  await fails(drey, /holds no backup\/index.yaml|damaged|tarball/, "import", await junk(directory));
  await fails(drey, /no such file/, "import", join(directory, "none"));
  const good = await make("true", root);
  await drey`import ${good}`;
  const sayInstead = async (text: string) => {
    await Deno.writeTextFile(join(tree, "backup/index.yaml"), text);
    await runChecked(["tar", "-C", tree, "-cf", good, "backup/index.yaml", root]);
  };
  await sayInstead(`${index}    config: {boot.mode: bios}\n`);
  const { stderr } = await drey.tries`import ${good} older`;
  assertEquals(stderr.match(/Warning: .*/g), [
    'Warning: older: left out the configuration key "boot.mode", which is not supported yet',
  ]);
  await sayInstead(index.replace("[default]", "[small]"));
  await fails(
    drey,
    /the profile "small", which is not here.*drey profile create small/s,
    "import",
    good,
    "other",
  );
  await sayInstead(index.replace("type: container", "type: virtual-machine"));
  await fails(drey, /holds no disk of a virtual machine/, "import", good, "other");
  assertEquals([...Deno.readDirSync(join(directory, "uploads"))], []);
});

await e2e(
  "what a backup says of its snapshots leads out of no restricted project",
  { needs },
  async (drey) => {
    const tree = join(drey.directory, "tree");
    const file = join(drey.directory, "evil.tar");
    await Deno.mkdir(join(tree, "backup/container/rootfs"), { recursive: true });
    await Deno.mkdir(join(tree, "backup/snapshots/s0/rootfs"), { recursive: true });
    const pack = async (snapshot: Record<string, unknown>) => {
      const own = { name: "c1", architecture: "x86_64", profiles: ["default"] };
      const config = {
        "volatile.base_image": "../../..",
        "volatile.eth0.name": "e\nlink",
        "volatile.eth0.hwaddr": "00:16:3e:00:00:01",
      };
      const snapshots = [{ ...own, name: "s0", ...snapshot }];
      await Deno.writeTextFile(
        join(tree, "backup/index.yaml"),
        JSON.stringify({
          ...{ name: "c1", pool: "default", backend: "dir", snapshots: ["s0"] },
          config: { container: { ...own, config }, snapshots },
        }),
      );
      await runChecked(["tar", "-C", tree, "-cf", file, "backup"]);
    };
    await drey`project create web -c restricted=true -c features.images=false -c features.profiles=false`;
    await pack({ devices: { d: { type: "nic", nictype: "p2p", host_name: "$(id>x)" } } });
    await fails(drey, /invalid host_name/, "import", file, "--project", "web");
    await pack({ devices: { d: { type: "disk", source: "/etc", path: "/mnt" } } });
    await drey`import ${file} --project web`;
    const shown = await drey`config show c1 --project web`;
    assertEquals(shown.match(/volatile\.(base|eth0)[^:]*/g), ["volatile.eth0.hwaddr"]);
    await fails(drey, /restricted by restricted.devices.disk/, "restore", "c1", "s0", "--project", "web");
    await drey`project set web restricted.devices.disk=allow`;
    await drey`restore c1 s0 --project web`;
    await drey`delete c1 --project web`;
    await drey`project delete web`;
  },
);

async function junk(directory: string): Promise<string> {
  const path = join(directory, "junk.tar.gz");
  await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(5000)));
  return path;
}

await e2e("a volume is exported with its snapshots and imported", { needs }, async (drey) => {
  await drey`storage volume create default data user.team=shop`;
  await drey`launch tiny c1`;
  await drey`storage volume attach default data c1 /srv`;
  await drey`exec c1 -- sh -c ${fill}`;
  await drey`storage volume snapshot default data s0`;
  await drey`storage volume set default data user.team=office`;
  await drey`exec c1 -- sh -c ${"echo two >/srv/d/file"}`;
  const before = await drey`exec c1 -- sh -c ${look}`;
  const file = join(drey.directory, "data.tar");
  await drey`storage volume export default data ${file} --compression=none`;
  await drey`storage create other dir`;
  await drey`storage volume import other ${file} again`;
  assertEquals(await drey`storage volume get other again user.team`, "office\n");
  assertEquals(await drey`storage volume get other again/s0 user.team`, "shop\n");
  await drey`storage volume detach default data c1`;
  await drey`storage volume attach other again c1 /srv`;
  assertEquals(await drey`exec c1 -- sh -c ${look}`, before);
  await drey`stop -f c1`;
  await drey`storage volume restore other again s0`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /srv/d/file`, "one\n");
});

await e2e("lxc exports and imports instances and volumes", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  const { lxc } = server;
  const file = (name: string) => join(drey.directory, name);
  await lxc("launch", "tiny", "c1");
  await lxc("exec", "c1", "--", "sh", "-c", "echo kept >/root/file");
  await lxc("snapshot", "c1", "s0");
  await lxc("export", "c1", file("c1.tar.gz"));
  await lxc("delete", "-f", "c1");
  await lxc("import", file("c1.tar.gz"));
  await lxc("start", "c1");
  assertEquals(await lxc("exec", "c1", "--", "cat", "/root/file"), "kept\n");
  assertMatch(await lxc("info", "c1"), /s0/);
  await lxc("storage", "volume", "create", "default", "data");
  await lxc("storage", "volume", "export", "default", "data", file("data.tar.gz"));
  await lxc("storage", "volume", "import", "default", file("data.tar.gz"), "again");
  assertMatch(await lxc("storage", "volume", "list", "default", "--format", "csv"), /custom,again/);
});

await e2e("disks and discs are exported and imported, with their holes", { needs }, async (drey) => {
  const pool = `${drey.directory}/storage-pools/default/custom`;
  await drey`storage volume create default disk --type=block size=20MiB`;
  const path = `${pool}/default_disk/top/rootfs/root.img`;
  const write = async (text: string) => {
    using file = await Deno.open(path, { write: true });
    await file.seek(9 << 20, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(text));
  };
  await write("first");
  await drey`storage volume snapshot default disk s,0`;
  await write("later");
  await Deno.writeFile(`${drey.directory}/disc`, new Uint8Array(300_000).fill(7));
  await drey`storage volume import default ${`${drey.directory}/disc`} disc --type=iso`;
  for (const [name, options] of [["disk", "gzip"], ["disc", "none"]] as const) {
    const file = `${drey.directory}/${name}.tar`;
    await drey`storage volume export default ${name} ${file} --compression=${options}`;
    await drey`storage volume import default ${file} ${`${name}2`}`;
  }
  const place = (name: string, file: string) => {
    const { top } = JSON.parse(Deno.readTextFileSync(`${pool}/default_${name}/volume.json`));
    return `${pool}/default_${name}/${top}/rootfs/${file}`;
  };
  const bytes = async (name: string, file: string) => await Deno.readFile(place(name, file));
  assertEquals(await bytes("disc2", "root.iso"), await bytes("disc", "root.iso"));
  assertEquals(await bytes("disk2", "root.img"), await bytes("disk", "root.img"));
  const { size, blocks } = await Deno.stat(place("disk2", "root.img"));
  assertEquals([size, (blocks ?? 0) * 512 < 3 << 20], [20 << 20, true]);
  assertEquals(await drey`storage volume get default disk2 size`, "20MiB\n");
  assertMatch(await drey`storage volume list default type=custom -f csv`, /disc2,[^\n]*iso/);
  await drey`storage volume restore default disk2 s,0`;
  const text = new TextDecoder().decode(await bytes("disk2", "root.img"));
  assertEquals(text.slice(9 << 20, (9 << 20) + 5), "first");
});
