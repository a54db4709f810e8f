// Virtual machines with a disk of their own, from an image to its end: firmware, boot loader, kernel and all.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { missingTools } from "../../domain/host_packages.ts";
import { exists, readIfThere } from "../../sys/present.ts";
import { kill, run, runChecked } from "../../sys/run.ts";
import { importDisk, perl } from "../support/disk_machine.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { serve } from "../support/server.ts";
import { greetSpice, screenPath } from "../support/spice.ts";

const needs = ["userns", "subids", "overlay", "disk-machines"] as const;

/** Writes a word far behind the end of the image's own disk. */
const write = (word: string) =>
  perl(
    `sysopen my $d, "/dev/own", 1; sysseek $d, 3 << 30, 0; syswrite $d, "${word}" or die $!; ` +
      `syscall 74, fileno $d; print "written\\n"`,
  );
const read = perl(`sysopen my $d, "/dev/own", 0; sysseek $d, 3 << 30, 0; sysread $d, my $w, 5; print $w`);

/** How many files of disks are in the pool; fails on one that is damaged, or has room that nothing uses. */
async function checkDisks(drey: Drey): Promise<number> {
  const search = [
    "(",
    "-name",
    "work",
    "-o",
    "-name",
    "tpm",
    ")",
    "-prune",
    "-o",
    "-name",
    "disk.*.qcow2",
    "-print",
  ];
  const found = (await runChecked(["find", drey.directory, ...search])).trim().split("\n");
  for (const path of found) {
    const driver = {
      driver: "qcow2",
      backing: null,
      file: { driver: "file", filename: path, locking: "off" },
    };
    const { code, stderr } = await run(["qemu-img", "check", "-q", "-U", `json:${JSON.stringify(driver)}`]);
    assertEquals(code, 0, stderr);
  }
  return found.length;
}

/** A machine's screen is SPICE's, to as many connections as a viewer makes. */
async function hasScreen(drey: Drey): Promise<void> {
  const viewer = drey.spawn(["console", "v1", "--type", "vga"], { stdout: "null", stderr: "piped" });
  const path = await screenPath(viewer.stderr);
  assertEquals((await Deno.stat(join(path, ".."))).mode! & 0o777, 0o700);
  assertEquals(await Promise.all([greetSpice(path), greetSpice(path)]), ["REDQ", "REDQ"]);
  viewer.kill("SIGINT");
  await viewer.stderr.cancel();
  assertEquals((await viewer.status).code, 0);
  if (missingTools(["lxc"]).length > 0) return;
  await using server = await serve(drey);
  // lxc gives a server five seconds to take a connection; then it closes its own and ends, so it is asked anew
  await eventually("lxc leads to the screen", async () => {
    const lxc = server.spawn(["console", "v1", "--type=vga"], { stdout: "piped" });
    try {
      return await greetSpice(await screenPath(lxc.stdout)).catch(String) === "REDQ";
    } finally {
      kill(lxc, "SIGINT");
      await lxc.stdout.cancel();
      await lxc.status;
    }
  });
}

/** A volume comes as a drive while the machine runs, on each kind of bus, and goes with what was written to it. */
async function plugsDrives(drey: Drey): Promise<void> {
  await drey`storage volume create default late size=32MiB --type=block`;
  // the drive of 32 MiB, if there is one, is written to
  const find = perl(
    `opendir my $all, "/sys/block"; for my $name (readdir $all) {
      open my $file, "/sys/block/$name/size" or next; next if <$file> != 65536;
      sysopen my $disk, "/dev/$name", 1 or next; syswrite $disk, "late" or die $!; syscall 74, fileno $disk; print "found" }`,
  );
  for (const bus of ["virtio-scsi", "virtio-blk"]) {
    await drey`config device add v1 late disk pool=default source=late io.bus=${bus}`;
    await eventually(
      `the guest sees a drive on ${bus}`,
      async () => await drey`exec v1 -- ${find}` === "found",
    );
    await drey`config device remove v1 late`;
    await eventually(
      `the drive on ${bus} is gone`,
      async () => (await drey.tries`exec v1 -- ${find}`).stdout === "",
    );
  }
  const volumes = join(drey.directory, "storage-pools/default/custom");
  assertMatch(await runChecked(["grep", "-rlc", "^late", volumes]), /late/);
  await drey`storage volume delete default late`;
}

/** Names in a directory of a guest that has no `glob`. */
const names = `sub all { opendir my $d, $_[0] or die "$_[0]: $!"; return readdir $d }`;

/** Directories come and go while the machine runs, also the one that was there from its start. */
async function plugsShares(drey: Drey): Promise<void> {
  const late = join(drey.directory, "late");
  await Deno.mkdir(late);
  await Deno.chmod(late, 0o755);
  await Deno.writeTextFile(join(late, "file"), "plugged in\n");
  await drey`config device add v1 late disk source=${late} path=/srv/late`;
  assertEquals(await drey`file pull v1/srv/late/file -`, "plugged in\n");
  const hold = perl(`exit if fork; close STDOUT; close STDERR; chdir "/srv/late"; sleep 600`);
  await drey`exec v1 -- ${hold}`;
  await eventually("the guest is in it", async () => {
    const links = perl(`${names} print join " ", map { readlink("/proc/$_/cwd") // "" } all("/proc")`);
    return (await drey`exec v1 -- ${links}`).includes("/srv/late");
  });
  assertMatch((await drey.tries`config device remove v1 late`).stderr, /does not let "\/srv\/late" go/);
  await drey`exec v1 -- ${
    perl(
      `${names} for (grep { /^\\d+$/ } all("/proc")) { (readlink("/proc/$_/cwd") // "") eq "/srv/late" and kill 9, $_ }`,
    )
  }`;
  await eventually(
    "it goes then",
    async () => (await drey.tries`config device remove v1 late`).code === 0,
  );
  const left = async (path: string) =>
    await drey`exec v1 -- ${perl(`${names} print grep { !/^[.]/ } all("${path}")`)}`;
  assertEquals(await left("/srv/late"), "");
  await drey`config device remove v1 share`;
  assertEquals(await left("/srv/shared"), "");
}

/** A terminal of the host's is a serial port of the guest's, which comes and goes while that runs. */
async function hasSerial(drey: Drey): Promise<void> {
  const path = join(drey.directory, "modem");
  const peer = new Deno.Command("socat", {
    args: ["-u", `PTY,link=${path},raw,echo=0,mode=666`, "STDOUT"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = peer.stdout.getReader();
  try {
    await eventually("there is a terminal", () => Promise.resolve(exists(path)));
    const odd = await drey.tries`config device add v1 odd unix-char source=/dev/null`;
    assertMatch(odd.stderr, /"\/dev\/null" is no terminal/);
    await drey`config device add v1 modem unix-char source=${path}`;
    const speak = perl(
      `${names} for (1 .. 300) {
        for my $tty (map { "/sys/class/tty/$_" } grep { /^ttyS/ } all("/sys/class/tty")) {
          next if (readlink("$tty/device") // "") !~ m{/[0-9a-f:]+[.]\\d$};
          my ($name) = $tty =~ m{([^/]+)$}; sysopen my $port, "/dev/$name", 2 or next;
          syswrite $port, "said by the guest" and print "said" and exit }
        select undef, undef, undef, 0.1 } die "no port"`,
    );
    assertEquals(await drey`exec v1 -- ${speak}`, "said");
    let heard = "";
    while (!heard.includes("said by the guest")) {
      const { value, done } = await output.read();
      assert(!done, heard);
      heard += new TextDecoder().decode(value);
    }
    await drey`config device remove v1 modem`;
  } finally {
    kill(peer, "SIGTERM");
    await output.cancel();
    await peer.status;
  }
}

/** The guest has a TPM of the second kind, whose state lies beside the disk. */
/** Processes of a machine by name, with what each may do. */
async function powersOf(drey: Drey): Promise<Map<string, string>> {
  const [{ state: { pid: keeper } }] = JSON.parse(await drey`list v1 --format json`);
  const children = (readIfThere(`/proc/${keeper}/task/${keeper}/children`) ?? "").trim().split(" ");
  const statuses = children.map((pid) => readIfThere(`/proc/${pid}/status`) ?? "");
  const read = (text: string, key: string) => new RegExp(`^${key}:\\s+(.*)$`, "m").exec(text)?.[1] ?? "";
  return new Map(
    statuses.map((text) => [read(text, "Name"), `${read(text, "CapEff")} ${read(text, "CapBnd")}`]),
  );
}

async function hasTpm(drey: Drey): Promise<void> {
  const none = "0".repeat(16);
  assertEquals((await powersOf(drey)).get("swtpm"), `${none} ${none}`);
  const version = perl(`open F, "/sys/class/tpm/tpm0/tpm_version_major" or die $!; print <F>`);
  assertEquals(await drey`exec v1 -- ${version}`, "2\n");
  const refused = await drey.tries`config device remove v1 tpm`;
  assertMatch(refused.stderr, /cannot come or go while the instance runs/);
}

await e2e(
  "a virtual machine starts from its image's disk, which grows, is kept, put back and copied",
  { needs, images: [] },
  async (drey) => {
    await importDisk(drey);
    const [image] = JSON.parse(await drey`image list --format json`);
    assertEquals(image.type, "virtual-machine");
    assertMatch((await drey.tries`launch tinydisk v1`).stderr, /is for a virtual machine.*--vm/s);
    assertMatch((await drey.tries`launch tinydisk v1 --vm`).stderr, /security\.secureboot=false/);

    const small = await drey.tries`init tinydisk v1 --vm -c security.secureboot=false -d root,size=100MiB`;
    assertMatch(small.stderr, /Block volumes cannot be shrunk: the disk has 50\d/);
    const userData = "#cloud-config\nhostname: seeded\n";
    const config = ["-c", "security.secureboot=false", "-c", `cloud-init.user-data=${userData}`];
    const made = await drey.tries`init tinydisk v1 --vm ${config} -d root,size=12GiB`;
    assertEquals([made.code, made.stderr], [0, ""]);
    const shared = join(drey.directory, "shared");
    await Deno.mkdir(shared);
    await Deno.chmod(shared, 0o755);
    await Deno.writeTextFile(join(shared, "file"), "from the host\n");
    await drey`config device add v1 share disk source=${shared} path=/srv/shared readonly=true`;
    await drey`storage volume create default extra size=64MiB --type=block`;
    await drey`config device add v1 extra disk pool=default source=extra io.bus=virtio-blk`;
    const hasSwtpm = missingTools(["swtpm"]).length === 0;
    if (hasSwtpm) await drey`config device add v1 tpm tpm`;
    await drey`start v1`;
    if (hasSwtpm) await hasTpm(drey);
    await hasScreen(drey);
    await plugsDrives(drey);
    await hasSerial(drey);
    // what this host has none of, or lets no user give away
    assertMatch(
      (await drey.tries`config device add v1 nic pci address=01:00.0`).stderr,
      /while the instance runs/,
    );
    const stick = await drey.tries`config device add v1 stick usb vendorid=ffff required=true`;
    assertMatch(stick.stderr, /no such USB device is plugged in/);
    assertEquals(await drey`file pull v1/srv/shared/file -`, "from the host\n");
    // templates of the image, and what they name the machine
    assertEquals(await drey`file pull v1/etc/made -`, "v1\n");
    assertEquals(
      await drey`exec v1 -- ${
        perl(`for ("/proc/sys/kernel/hostname", "/etc/hostname") { open F, $_; print <F> }`)
      }`,
      "v1\nv1\n",
    );
    await plugsShares(drey);
    assertEquals(
      await drey`exec v1 -- ${perl(`sysopen F, "/dev/extra", 0; print sysseek(F, 0, 2) >> 20`)}`,
      "64",
    );
    await drey`exec v1 -- ${
      perl(`sysopen my $d, "/dev/extra", 1; syswrite $d, "kept" or die $!; syscall 74, fileno $d`)
    }`;
    assertEquals(
      await drey`exec v1 -- ${perl(`sysopen F, "/dev/own", 0; print sysseek(F, 0, 2) / (1 << 30)`)}`,
      "12",
    );
    // the seed's drive: a partition after which a FAT with the label and the files
    const seed = await drey`exec v1 -- ${
      perl(`sysopen F, "/dev/seed", 0; sysread F, $a, 1 << 20; print $a`)
    }`;
    assertMatch(seed, /cidata/i);
    await drey`file push ${join(drey.directory, "metadata.yaml")} v1/metadata`;
    assertStringIncludes(await drey`file pull v1/metadata -`, "creation_date");

    await drey`exec v1 -- ${write("first")}`;
    await drey`snapshot v1 one`;
    assertEquals(await drey`exec v1 -- ${read}`, "first");
    await drey`exec v1 -- ${write("later")}`;
    await drey`stop v1`;
    assertMatch((await drey.tries`file pull v1/metadata -`).stderr, /its agent does not run/);
    const volumes = join(drey.directory, "storage-pools/default/custom");
    const written = await runChecked(["grep", "-rlc", "^kept", volumes]);
    assertMatch(written, /extra/);
    await drey`config device remove v1 extra`;
    const shrunk = await drey.tries`config device set v1 root size=5GiB`;
    assertMatch(shrunk.stderr, /Block volumes cannot be shrunk: the disk has 12/);
    assertEquals((await drey`config device get v1 root size`).trim(), "12GiB");
    await drey`copy v1 v2`;
    assert(await checkDisks(drey) >= 3);
    await drey`restore v1 one`;
    await drey`start v1 v2`;
    assertEquals(await drey`exec v1 -- ${read}`, "first");
    assertEquals(await drey`exec v2 -- ${read}`, "later");
    await drey`exec v1 -- ${write("third")}`;
    // killed while the guest writes all over the disk
    const busy = `exit if fork; close STDOUT; close STDERR; sysopen my $d, "/dev/own", 1;
      for my $n (0 .. 1e6) { sysseek $d, (4 << 30) + ($n * 7919 % 8192 << 18), 0; syswrite $d, "x" x 65536 }`;
    await drey`exec v1 -- ${perl(busy)}`;
    await drey`stop --force v1 v2`;
    assertEquals(JSON.parse(await drey`list v1 --format json`)[0].status, "Stopped");
    await checkDisks(drey);
    await drey`delete v1 v2`;
  },
);

await e2e(
  "a virtual machine's disk goes into a backup and an image, and comes back as it was",
  { needs: [...needs, "user"], images: [] },
  async (drey) => {
    await importDisk(drey);
    await drey`init tinydisk v1 --vm -c security.secureboot=false`;
    const file = join(drey.directory, "v1.tar");
    // what has never run has nothing of its own yet but the image's disk
    await drey`snapshot v1 one`;
    await drey`export v1 ${file} --compression none`;
    const listed = (await runChecked(["tar", "-tf", file])).split("\n");
    const index = await runChecked(["tar", "-xOf", file, "backup/index.yaml"]);
    assertMatch(index, /^type: virtual-machine$/m);
    assertMatch(index, /content_type: block/);
    for (
      const name of [
        "virtual-machine/backup.yaml",
        "virtual-machine.img",
        "virtual-machine-snapshots/one.img",
      ]
    ) {
      assert(listed.includes(`backup/${name}`), `${name} is not in it: ${listed}`);
    }
    const image = join(drey.directory, "..", "tiny-disk.qcow2");
    const raw = join(drey.directory, "raw");
    await runChecked(["sh", "-c", 'tar -xOf "$1" backup/virtual-machine.img >"$2"', "sh", file, raw]);
    await runChecked(["qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw, image]);

    await drey`import ${file} v2`;
    const [, imported] = JSON.parse(await drey`list --format json`);
    assertEquals([imported.name, imported.type, imported.snapshots.length], ["v2", "virtual-machine", 1]);
    assert(await checkDisks(drey) >= 3);
    await drey`publish v2 --alias again`;
    const images = JSON.parse(await drey`image list again --format json`);
    assertEquals([images[0].type, images[0].properties.os], ["virtual-machine", "Tiny"]);
    await drey`image export again ${join(drey.directory, "again")}`;
    const packed = join(drey.directory, "again.tar.gz");
    const disk = join(drey.directory, "rootfs.img");
    await runChecked(["tar", "-xzf", packed, "-C", drey.directory, "rootfs.img"]);
    await runChecked(["qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2", disk, image]);
    await drey`delete v1 v2`;
    await drey`init again v3 --vm -c security.secureboot=false`;
    await drey`delete v3`;
  },
);

await e2e(
  "lxc leads a virtual machine with a disk from its image to a backup and back",
  { needs: [...needs, "lxc", "user"], images: [] },
  async (drey) => {
    await importDisk(drey);
    await using server = await serve(drey);
    const { lxc } = server;
    assertMatch(
      await lxc("image", "list", "--format", "csv", "--columns", "lt"),
      /^tinydisk,VIRTUAL-MACHINE$/m,
    );
    await lxc("init", "tinydisk", "v1", "--vm", "--config", "security.secureboot=false");
    await lxc("config", "device", "override", "v1", "root", "size=11GiB", "io.bus=virtio-blk");
    await lxc("snapshot", "v1", "one");
    const file = join(drey.directory, "v1.tar");
    await lxc("export", "v1", file, "--compression", "none");
    await lxc("copy", "v1", "v2");
    await lxc("move", "v2", "v3");
    await lxc("restore", "v1", "one");
    await lxc("delete", "v1");
    await lxc("import", file);
    assertMatch(
      await lxc("list", "--format", "csv", "--columns", "ntS"),
      /^v1,VIRTUAL-MACHINE,1\nv3,VIRTUAL-MACHINE,1$/m,
    );
    await lxc("publish", "v1/one", "--alias", "again");
    assertMatch(
      await lxc("image", "list", "again", "--format", "csv", "--columns", "t"),
      /^VIRTUAL-MACHINE$/m,
    );
    await lxc("delete", "v1", "v3");
  },
);
