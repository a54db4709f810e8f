import { assert, assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { type Account, defaultMap } from "../idmap/ranges.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { runChecked } from "../sys/run.ts";
import { fingerprintOf, imageWriter } from "./fingerprint.ts";
import { type ImageFiles, parseSquashfsLine, scanImage } from "./scan.ts";
import { removeTrees, unpackImage } from "./unpack.ts";

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
      await unpackImage(files, `${dir}/lower`, { map, account });
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

for (const [ending, program] of Object.entries(compressions)) {
  Deno.test(`unpackImage() unpacks a unified ${ending} image under the ids of the map`, async () => {
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
  await shop.sh("tar -c --owner=0 --group=5 -C rootfs . | xz -1 >root");
  await shop.check({ metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/root` });
  const info = await Deno.lstat(`${shop.dir}/lower/rootfs/etc`);
  assertEquals(info.gid, (map.gids[0]?.hostId ?? 0) + 5);
  assertEquals([...Deno.readDirSync(`${shop.dir}/lower/rootfs/dev`)].length, 0);
});

Deno.test("unpackImage() unpacks a split image with a squashfs, leaving device nodes out", async () => {
  await using shop = await workshop();
  await shop.sh("tar -czf meta metadata.yaml");
  if (account.uid === 0) await shop.sh("mknod rootfs/dev/null c 1 3");
  await shop.sh("mksquashfs rootfs root -all-root -quiet -no-progress >/dev/null");
  await shop.check({ metadata: `${shop.dir}/meta`, rootfs: `${shop.dir}/root` });
  assertEquals((await Deno.lstat(`${shop.dir}/lower/rootfs/etc`)).uid, map.uids[0]?.hostId);
  assertEquals([...Deno.readDirSync(`${shop.dir}/lower/rootfs/dev`)].length, 0);
  assertEquals(shop.left(), ["lower"]);
});

/** Python's tarfile writes whatever it is told, which no honest tar would. */
function forge(entries: string): string {
  return `
import io, tarfile
t = tarfile.open("image", "w")
def add(name, type=tarfile.REGTYPE, link="", data=b""):
    i = tarfile.TarInfo(name); i.type = type; i.linkname = link; i.size = len(data); i.mode = 0o755
    t.addfile(i, io.BytesIO(data))
add("metadata.yaml", data=open("metadata.yaml", "rb").read())
add("rootfs", tarfile.DIRTYPE)
${entries}
t.close()`;
}

const hostile: Record<string, { entries: string; says: string }> = {
  "an absolute name": { entries: 'add("/tmp/drey-evil", data=b"x")', says: "absolute name" },
  "a climbing name": { entries: 'add("rootfs/../../evil", data=b"x")', says: "climbing name" },
  "a file through an absolute link": {
    entries: 'add("rootfs/a", tarfile.SYMTYPE, "/tmp")\nadd("rootfs/a/evil", data=b"x")',
    says: "through a symbolic link",
  },
  "a file through a climbing link": {
    entries: 'add("rootfs/a", tarfile.SYMTYPE, "../../..")\nadd("rootfs/a/evil", data=b"x")',
    says: "through a symbolic link",
  },
  "a file through a chain of links": {
    entries:
      'add("rootfs/a", tarfile.SYMTYPE, "b/c")\nadd("rootfs/b", tarfile.DIRTYPE)\nadd("rootfs/b/c", tarfile.SYMTYPE, "../../..")\nadd("rootfs/a/evil", data=b"x")',
    says: "through a symbolic link",
  },
  "a climbing hard link": {
    entries: 'add("rootfs/h", tarfile.LNKTYPE, "../../etc/passwd")',
    says: "climbing",
  },
  "an absolute hard link": { entries: 'add("rootfs/h", tarfile.LNKTYPE, "/etc/passwd")', says: "absolute" },
  "a hard link through a link": {
    entries: 'add("rootfs/a", tarfile.SYMTYPE, "/etc")\nadd("rootfs/h", tarfile.LNKTYPE, "rootfs/a/passwd")',
    says: "hard link out of the tree",
  },
  "a device outside dev/": { entries: 'add("rootfs/etc/sda", tarfile.BLKTYPE)', says: "device outside dev/" },
  "a linked template": {
    entries: 'add("templates", tarfile.DIRTYPE)\nadd("templates/x", tarfile.SYMTYPE, "/etc/passwd")',
    says: "neither file nor directory",
  },
  "a link for a root": {
    entries: 'add("rootfs", tarfile.SYMTYPE, "/etc")',
    says: '"rootfs" is not a directory',
  },
};

for (const [name, { entries, says }] of Object.entries(hostile)) {
  Deno.test(`scanImage() refuses ${name}`, async () => {
    await using shop = await workshop();
    await runChecked(["python3", "-c", forge(entries)], { cwd: shop.dir });
    const error = await assertRejects(() => shop.check({ metadata: `${shop.dir}/image` }), DreyError, says);
    assertEquals(error.code, "IMAGE_INVALID");
    assertEquals(shop.left(), []);
  });

  Deno.test(`the jail confines ${name}, even unscanned`, async () => {
    await using shop = await workshop();
    await runChecked(["python3", "-c", forge(entries)], { cwd: shop.dir });
    const files = { metadata: `${shop.dir}/image` };
    await unpackImage(files, `${shop.dir}/lower`, { map, account }).catch(() => {});
    for (const path of ["/tmp/evil", "/tmp/drey-evil", "/evil", `${shop.dir}/evil`, `${shop.dir}/../evil`]) {
      await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    }
  });
}

Deno.test("scanImage() refuses truncated files of every kind", async () => {
  await using shop = await workshop();
  await shop.sh("head -c 300000 /dev/urandom >rootfs/bin/big");
  for (const program of Object.values(compressions)) {
    await shop.sh(`tar -c metadata.yaml rootfs | ${program} >whole; head -c 150000 whole >image`);
    const error = await assertRejects(() => shop.check({ metadata: `${shop.dir}/image` }), DreyError);
    assertEquals(error.code, "IMAGE_INVALID");
  }
  await shop.sh(
    "tar -czf meta metadata.yaml; mksquashfs rootfs whole2 -quiet -no-progress >/dev/null; head -c 150000 whole2 >image",
  );
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
    () => unpackImage(files, `${shop.dir}/lower`, { map, account }),
    DreyError,
    "damaged or cut off",
  );
  assertEquals(shop.left(), []);
});

Deno.test("imageWriter() hashes both files as one, as LXD does", async () => {
  await using shop = await workshop();
  async function* content(text: string) {
    yield await Promise.resolve(new TextEncoder().encode(text));
  }
  const writer = imageWriter();
  assertEquals(await writer.write(`${shop.dir}/a`, content("meta")), 4);
  assertEquals(await writer.write(`${shop.dir}/b`, content("root")), 4);
  const expected = (await runChecked(["sh", "-c", "printf metaroot | sha256sum"])).slice(0, 64);
  assertEquals(writer.fingerprint(), expected);
  assertEquals(await fingerprintOf([`${shop.dir}/a`, `${shop.dir}/b`]), expected);
});

Deno.test("parseSquashfsLine() tells devices, links and names with blanks", () => {
  assertEquals(parseSquashfsLine("crw-rw-rw- 0/0             1,  3 2026-11-20 20:48 /dev/null"), {
    name: "dev/null",
    type: "char",
    target: "",
    size: 0,
  });
  assertEquals(parseSquashfsLine("lrwxrwxrwx 0/0       7 2026-11-20 20:47 /a b -> c d")?.target, "c d");
  assert(parseSquashfsLine("Parallel unsquashfs: Using 2 processors") === undefined);
});
