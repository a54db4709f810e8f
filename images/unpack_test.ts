import { assert, assertEquals, assertMatch, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { type Account, defaultMap } from "../idmap/ranges.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { isSingle, toHost } from "../idmap/map.ts";
import { runChecked } from "../sys/run.ts";
import { type ForgedEntry, forgeTar } from "../tests/support/forged_tar.ts";
import { checkImageDisk, imageDisk } from "./disk.ts";
import { bytesOf } from "../sys/file_bytes.ts";
import { untar } from "./gate.ts";
import { type ImageFiles, scanImage } from "./scan.ts";
import { removeTrees } from "./remove_trees.ts";
import { unpackImage, unpackStreams } from "./unpack.ts";

const account: Account = {
  uid: Deno.uid() ?? 0,
  gid: Deno.gid() ?? 0,
  name: (await runChecked(["id", "-un"])).trim(),
};
const map = await defaultMap(account);
const metadata = "architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: tiny}\n";

/** A directory of images, closed to others as drey's own is. */
async function workshop() {
  const dir = await Deno.makeTempDir();
  const sh = (script: string) => runChecked(["sh", "-ec", script], { cwd: dir });
  await Deno.writeTextFile(`${dir}/metadata.yaml`, metadata);
  await sh(
    "mkdir -p rootfs/etc rootfs/dev rootfs/bin templates; echo web >rootfs/etc/hostname; echo t >templates/t.tpl",
  );
  await sh(
    "ln -s hostname rootfs/etc/name; ln rootfs/etc/hostname rootfs/etc/hard; chmod 4755 rootfs/etc/hostname",
  );
  return {
    dir,
    sh,
    async check(files: ImageFiles) {
      const scanned = await scanImage(files, () => openMappedRoot(map));
      await unpackImage(files, { target: `${dir}/lower`, map, account });
      return scanned;
    },
    left: () => [...Deno.readDirSync(dir)].map((e) => e.name).filter((n) => /lower|partial/.test(n)),
    [Symbol.asyncDispose]: () => removeTrees([dir], account),
  };
}

const compressions: Record<string, string> = {
  tar: "cat",
  gz: "gzip",
  bz2: "bzip2",
  xz: "xz -1",
  lzma: "xz -1 --format=lzma",
  zst: "zstd -q",
};

/** A test of a format whose program may not be installed. */
function testWith(program: string, name: string, fn: () => Promise<void>): void {
  const { success } = new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" })
    .outputSync();
  Deno.test({ name: success ? name : `${name} (needs ${program})`, ignore: !success, fn });
}

for (const [ending, program] of Object.entries(compressions)) {
  const name = `unpackImage() unpacks a unified ${ending} image under the ids of the map`;
  testWith(program.split(" ")[0] ?? "", name, async () => {
    await using shop = await workshop();
    await shop.sh(`tar -c --owner=0 --group=0 metadata.yaml templates rootfs | ${program} >image`);
    const scanned = await shop.check({ metadata: `${shop.dir}/image` });
    assertEquals(scanned.type, "container");
    assertEquals(scanned.metadata.properties, { os: "tiny" });
    const info = await Deno.lstat(`${shop.dir}/lower/rootfs/etc/hostname`);
    assertEquals(info.uid, map.uids[0]?.hostId);
    assertEquals((info.mode ?? 0) & 0o7777, 0o4755);
    assertEquals(info.nlink, 2);
    assertEquals(await Deno.readLink(`${shop.dir}/lower/rootfs/etc/name`), "hostname");
    assertEquals(await Deno.readTextFile(`${shop.dir}/lower/metadata.yaml`), metadata);
    assertEquals(await Deno.readTextFile(`${shop.dir}/lower/templates/t.tpl`), "t\n");
    assertEquals(shop.left(), ["lower"]);
  });
}

Deno.test("unpackImage() unpacks a split image with a tarball, leaving device nodes out", async () => {
  await using shop = await workshop();
  await shop.sh("tar -czf meta ./metadata.yaml");
  if (account.uid === 0) await shop.sh("mknod rootfs/dev/null c 1 3");
  await shop.sh("tar -c --owner=0 --group=5 -C rootfs . | gzip >root");
  await shop.check({ metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/root` });
  const info = await Deno.lstat(`${shop.dir}/lower/rootfs/etc`);
  assertEquals(info.gid, toHost(map.gids, 5) ?? map.gids[0]?.hostId);
  assertEquals([...Deno.readDirSync(`${shop.dir}/lower/rootfs/dev`)].length, 0);
});

for (const [kind, pack] of [["plain", "cat"], ["packed", "gzip"]]) {
  Deno.test(`unpackImage() keeps the access control lists of a ${kind} tarball`, async () => {
    await using shop = await workshop();
    // commas would part options
    const acl = "user::rw-\nuser:1:r--\ngroup::r--\nmask::r--\nother::r--";
    const tar = `tar -c --owner=0 --group=0 --pax-option='SCHILY.acl.access:=${acl}' -C rootfs etc/hostname`;
    await shop.sh(`tar -czf meta metadata.yaml; ${tar} | ${pack} >image`);
    await shop.check({ metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/image` });
    await using mapped = await openMappedRoot(map);
    const tree = `${shop.dir}/lower/rootfs`;
    if (isSingle(map)) return assertEquals((await Deno.stat(`${tree}/etc/hostname`)).isFile, true);
    const packed = await new Deno.Command("sh", {
      args: [
        "-c",
        'cd "$1"; shift; exec "$@"',
        "sh",
        tree,
        ...mapped.command(["tar", "--acls", "-c", "etc"]),
      ],
    }).output();
    assertMatch(new TextDecoder().decode(packed.stdout), /\nuser:(1|daemon):r--\n/);
  });
}

testWith(
  "mksquashfs",
  "unpackImage() unpacks a split image with a squashfs, leaving device nodes out",
  async () => {
    await using shop = await workshop();
    await shop.sh("tar -czf meta metadata.yaml");
    if (account.uid === 0) await shop.sh("mknod rootfs/dev/null c 1 3");
    await shop.sh("mksquashfs rootfs root -all-root -quiet -no-progress >/dev/null");
    await shop.check({ metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/root` });
    assertEquals((await Deno.lstat(`${shop.dir}/lower/rootfs/etc`)).uid, map.uids[0]?.hostId);
    assertEquals([...Deno.readDirSync(`${shop.dir}/lower/rootfs/dev`)].length, 0);
    assertEquals(shop.left(), ["lower"]);
  },
);

for (
  const { what, isStill, isReadable = true, expected } of [
    { what: "from the file it is copied from", isStill: true, expected: "origin" },
    { what: "from the copy if that file has changed", isStill: false, expected: "copy" },
    {
      what: "from the copy if nobody else may read that file",
      isStill: true,
      isReadable: false,
      expected: "copy",
    },
  ]
) {
  testWith("mksquashfs", `unpackStreams() unpacks a squashfs ${what}`, async () => {
    await using shop = await workshop();
    const path = (name: string) => `${shop.dir}/${name}`;
    for (const name of ["copy", "origin"]) {
      await shop.sh(
        `echo ${name} >rootfs/etc/which; mksquashfs rootfs ${name} -all-root -quiet -no-progress`,
      );
    }
    await shop.sh("tar -czf meta metadata.yaml templates");
    await Deno.chmod(path("origin"), isReadable ? 0o644 : 0o600);
    // which file was unpacked shows, since they differ here
    const origin = { path: path("origin"), isStill: () => isStill };
    async function* files() {
      yield { path: path("meta"), content: bytesOf(path("meta")) };
      yield { path: path("copy"), content: bytesOf(path("copy")), origin };
    }
    await using image = await unpackStreams(files(), { target: path("lower"), map, account });
    await image.put(path("lower"));
    assertEquals((await Deno.readTextFile(path("lower/rootfs/etc/which"))).trim(), expected);
    assertEquals((await Deno.readTextFile(path("lower/templates/t.tpl"))).trim(), "t");
    assertEquals(shop.left(), ["lower"]);
  });
}

Deno.test("unpackStreams() gives up a first file of no known format, whoever still sends it", async () => {
  await using shop = await workshop();
  const never = new Promise<never>(() => {});
  async function* content() {
    yield new Uint8Array(1024);
    await never;
  }
  async function* files() {
    yield { path: `${shop.dir}/image`, content: content() };
    await never;
  }
  const unpacking = unpackStreams(files(), { target: `${shop.dir}/lower`, map, account });
  await assertRejects(() => unpacking, DreyError, "neither a tarball");
  assertEquals(shop.left(), []);
});

for (const kind of ["unified", "split"]) {
  const name = `unpackImage() unpacks the disk of a ${kind} image of a virtual machine, and nothing else`;
  testWith("qemu-img", name, async () => {
    await using shop = await workshop();
    await shop.sh("qemu-img create -q -f qcow2 rootfs.img 3G; tar -c metadata.yaml templates | xz -1 >meta");
    await shop.sh("tar -cJ metadata.yaml templates rootfs.img >image");
    const scanned = await shop.check(
      kind === "unified"
        ? { metadata: `${shop.dir}/image` }
        : { metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/rootfs.img` },
    );
    assertEquals(scanned.type, "virtual-machine");
    assertEquals([...Deno.readDirSync(`${shop.dir}/lower/rootfs`)].map((entry) => entry.name), [imageDisk]);
    const disk = `${shop.dir}/lower/rootfs/${imageDisk}`;
    assertEquals((await Deno.lstat(disk)).uid, map.uids[0]?.hostId);
    assertEquals(checkImageDisk(disk).size, 3 * 1024 ** 3);
    if (kind === "split") {
      assertEquals((await Deno.lstat(`${shop.dir}/rootfs.img`)).ino, (await Deno.lstat(disk)).ino);
    }
    assertEquals(await Deno.readTextFile(`${shop.dir}/lower/templates/t.tpl`), "t\n");
  });
}

testWith("qemu-img", "unpackImage() refuses a disk that leads to a file of the host", async () => {
  await using shop = await workshop();
  await shop.sh(`: >secret; qemu-img create -q -f qcow2 -F raw -b "$PWD/secret" rootfs.img 3G`);
  await shop.sh("tar -cz metadata.yaml >meta; tar -cz metadata.yaml rootfs.img >image");
  const split = { metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/rootfs.img` };
  await assertRejects(() => shop.check(split), DreyError, "stands on another file");
  await assertRejects(
    () => shop.check({ metadata: `${shop.dir}/image` }),
    DreyError,
    "stands on another file",
  );
  assertEquals(shop.left(), []);
});

const link = (name: string, target: string): ForgedEntry => ({ name, type: "2", target });
const hard = (name: string, target: string): ForgedEntry => ({ name, type: "1", target });
const file = (name: string): ForgedEntry => ({ name, content: "x" });
const directory = (name: string): ForgedEntry => ({ name, type: "5" });

const hostile: Record<string, { entries: ForgedEntry[]; says: string }> = {
  "a climbing name": { entries: [file("rootfs/../../evil")], says: "climbing name" },
  "a file through an absolute link": {
    entries: [link("rootfs/a", "/tmp"), file("rootfs/a/evil")],
    says: "through a symbolic link",
  },
  "a file through a climbing link": {
    entries: [link("rootfs/a", "../../.."), file("rootfs/a/evil")],
    says: "through a symbolic link",
  },
  "a file through a chain of links": {
    entries: [
      link("rootfs/a", "b/c"),
      directory("rootfs/b"),
      link("rootfs/b/c", "../../.."),
      file("rootfs/a/evil"),
    ],
    says: "through a symbolic link",
  },
  "a climbing hard link": { entries: [hard("rootfs/h", "../../etc/passwd")], says: "climbing" },
  "a hard link through a link": {
    entries: [link("rootfs/a", "/etc"), hard("rootfs/h", "rootfs/a/passwd")],
    says: "hard link out of the tree",
  },
  "a device outside dev/": { entries: [{ name: "rootfs/etc/sda", type: "4" }], says: "device outside dev/" },
  "a linked template": {
    entries: [directory("templates"), link("templates/x", "/etc/passwd")],
    says: "neither file nor directory",
  },
  "a link for a root": { entries: [link("rootfs", "/etc")], says: '"rootfs" is not a directory' },
};

/** An image in good order but for the entries at its end. */
async function forge(path: string, entries: readonly ForgedEntry[]): Promise<void> {
  const good = [{ name: "metadata.yaml", content: metadata }, directory("rootfs")];
  await Deno.writeFile(path, forgeTar([...good, ...entries]));
}

for (const [name, { entries, says }] of Object.entries(hostile)) {
  Deno.test(`scanImage() refuses ${name}`, async () => {
    await using shop = await workshop();
    await forge(`${shop.dir}/image`, entries);
    const error = await assertRejects(() => shop.check({ metadata: `${shop.dir}/image` }), DreyError, says);
    assertEquals(error.code, "IMAGE_INVALID");
    assertEquals(shop.left(), []);
  });

  Deno.test(`unpackImage() refuses ${name} on the way`, async () => {
    await using shop = await workshop();
    await forge(`${shop.dir}/image`, entries);
    const place = { target: `${shop.dir}/lower`, map, account };
    await assertRejects(() => unpackImage({ metadata: `${shop.dir}/image` }, place), DreyError, says);
    assertEquals(shop.left(), []);
  });

  Deno.test(`the jail confines ${name}, even unscanned`, async () => {
    await using shop = await workshop();
    await forge(`${shop.dir}/image`, entries);
    const directory = `${shop.dir}/lower`;
    await Deno.mkdir(directory);
    await Deno.chmod(directory, 0o777);
    await using mapped = await openMappedRoot(map);
    const work = { directory, mapped, isSingle: isSingle(map) };
    const way = { compression: "none", into: "all", visit() {} } as const;
    const unpacking = untar(work, bytesOf(`${shop.dir}/image`), way);
    // whether tar takes it or not is tar's affair: only where it writes counts
    await unpacking.catch((error) => assert(error instanceof DreyError));
    for (const path of ["/tmp/evil", "/tmp/drey-evil", "/evil", `${shop.dir}/evil`, `${shop.dir}/../evil`]) {
      await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    }
  });
}

Deno.test("scanImage() takes files through links that stay inside", async () => {
  await using shop = await workshop();
  const entries = [
    directory("rootfs/usr"),
    directory("rootfs/usr/bin"),
    link("rootfs/bin", "usr/bin"),
    file("rootfs/bin/sh"),
  ];
  await forge(`${shop.dir}/image`, entries);
  await shop.check({ metadata: `${shop.dir}/image` });
  assertEquals(await Deno.readTextFile(`${shop.dir}/lower/rootfs/usr/bin/sh`), "x");
});

Deno.test("unpackImage() takes an absolute name as one in the tree, as LXD does", async () => {
  await using shop = await workshop();
  const entries = [
    file("/rootfs/etc/inittab"),
    hard("rootfs/h", "/rootfs/etc/inittab"),
    file("/tmp/drey-evil"),
  ];
  await forge(`${shop.dir}/image`, entries);
  await shop.check({ metadata: `${shop.dir}/image` });
  for (const name of ["etc/inittab", "h"]) {
    assertEquals(await Deno.readTextFile(`${shop.dir}/lower/rootfs/${name}`), "x");
  }
  await assertRejects(() => Deno.lstat("/tmp/drey-evil"), Deno.errors.NotFound);
});

for (const [ending, program] of Object.entries(compressions)) {
  testWith(program.split(" ")[0] ?? "", `scanImage() refuses a ${ending} file that is cut off`, async () => {
    await using shop = await workshop();
    await shop.sh("head -c 300000 /dev/urandom >rootfs/bin/big");
    await shop.sh(`tar -c metadata.yaml rootfs | ${program} >whole; head -c 150000 whole >image`);
    const error = await assertRejects(() => shop.check({ metadata: `${shop.dir}/image` }), DreyError);
    assertEquals(error.code, "IMAGE_INVALID");
    assertEquals(shop.left(), []);
  });
}

testWith("mksquashfs", "scanImage() refuses a squashfs that is cut off", async () => {
  await using shop = await workshop();
  await shop.sh("head -c 300000 /dev/urandom >rootfs/bin/big; tar -czf meta metadata.yaml");
  await shop.sh("mksquashfs rootfs whole -quiet -no-progress >/dev/null; head -c 150000 whole >image");
  const files = { metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/image` };
  const error = await assertRejects(() => shop.check(files), DreyError, "cut off");
  assertEquals(error.code, "IMAGE_INVALID");
  assertEquals(shop.left(), []);
});

Deno.test("scanImage() refuses what is no image", async () => {
  await using shop = await workshop();
  await shop.sh(
    "head -c 9000 /dev/urandom >noise; tar -cf bare rootfs; tar -cf meta metadata.yaml; : >empty",
  );
  const path = (name: string) => `${shop.dir}/${name}`;
  await assertRejects(() => shop.check({ metadata: path("noise") }), DreyError, "neither a tarball");
  await assertRejects(() => shop.check({ metadata: path("empty") }), DreyError, "neither a tarball");
  await assertRejects(() => shop.check({ metadata: path("bare") }), DreyError, "no metadata.yaml");
  await assertRejects(() => shop.check({ metadata: path("meta") }), DreyError, "no root file system");
});

Deno.test("unpackImage() leaves nothing of an archive that breaks off", async () => {
  await using shop = await workshop();
  await shop.sh(
    "head -c 300000 /dev/urandom >rootfs/bin/big; tar -cz metadata.yaml rootfs | head -c 150000 >image",
  );
  const files = { metadata: `${shop.dir}/image` };
  await assertRejects(
    () => unpackImage(files, { target: `${shop.dir}/lower`, map, account }),
    DreyError,
    "damaged or cut off",
  );
  assertEquals(shop.left(), []);
});
