// The memory of a virtual machine: kept when it is stopped, and in snapshots.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { importDisk, perl } from "../support/disk_machine.ts";
import { missingTools } from "../../domain/host_packages.ts";
import { canShow } from "../../domain/machines/extras.ts";
import { eventually } from "../support/eventually.ts";
import { lendKernel } from "../support/machines.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay", "disk-machines", "user"] as const;

/** A process of the guest that counts in its memory alone; what it says is how far it has come. */
const counting = perl(
  `exit if fork; close $_ for *STDIN, *STDOUT, *STDERR;
   $SIG{USR1} = sub { open my $f, ">", "/run/count.new"; print $f "$$ $n\\n"; close $f;
     rename "/run/count.new", "/run/count" };
   open my $f, ">", "/run/pid"; print $f $$; close $f;
   for (;;) { $n++; select undef, undef, undef, 0.01 }`,
);
const ask = perl(
  `for (1 .. 600) { last if -s "/run/pid"; select undef, undef, undef, 0.05 }
   open my $f, "<", "/run/pid"; my $pid = <$f>; unlink "/run/count"; kill "USR1", $pid or die "it is gone";
   for (1 .. 600) { last if -e "/run/count"; select undef, undef, undef, 0.05 }
   open $f, "<", "/run/count"; print <$f>`,
);

async function count(drey: Drey): Promise<[pid: number, count: number]> {
  const [pid, n] = (await drey`exec v1 -- ${ask}`).trim().split(" ").map(Number);
  return [pid ?? 0, n ?? 0];
}

const stateOf = async (drey: Drey): Promise<[status: string, stateful: boolean]> => {
  const [{ status, stateful }] = JSON.parse(await drey`list v1 --format json`);
  return [status, stateful];
};

/** Who a guest is: what no other may have in common with it. Its kernel's place in memory is its memory's. */
const identity = perl(
  `for (qw(hostname random/boot_id)) { open my $f, "<", "/proc/sys/kernel/$_"; print <$f> }
   open my $f, "<", "/sys/class/dmi/id/product_uuid"; print <$f>;
   open $f, "<", "/dev/urandom"; sysread $f, my $bytes, 16; print unpack("H*", $bytes), "\\n";
   open $f, "<", "/proc/kallsyms"; while (<$f>) { print, last if / _text$/ }`,
);
const read = perl(
  `sysopen my $d, "/dev/own", 0; sysseek $d, 3 << 30, 0; sysread $d, my $w, 5; print $w =~ s/\\0//gr`,
);
const write = perl(
  `sysopen my $d, "/dev/own", 1; sysseek $d, 3 << 30, 0; syswrite $d, "first"; syscall 74, fileno $d`,
);

/** Another machine of the same image begins where the first one's agent asked who it is, and is somebody else. */
async function beginsAnother(drey: Drey, memories: string): Promise<void> {
  // once it answers, who asked for the memory has it, or nearly so
  await drey`exec v1 -- ${write}`;
  const find = () => [...Deno.readDirSync(memories)].map(({ name }) => name);
  await eventually(
    "the memory is kept",
    () => Promise.resolve(find().some((name) => /-[0-9a-f]{64}$/.test(name))),
  );
  assertMatch(await drey`image prune --plan`, /memory +\| [0-9a-f]+/);
  await drey`launch tinydisk v2 --vm -c security.secureboot=false -c limits.memory=512MiB`;
  const [one, two] = [await drey`exec v1 -- ${identity}`, await drey`exec v2 -- ${identity}`]
    .map((text) => text.trim().split("\n"));
  assertMatch(one![4] ?? "", /[1-9a-f].* _text/);
  assertEquals(two![4], one![4]);
  assertEquals([one![0], two![0]], ["v1", "v2"]);
  for (const at of [1, 2, 3]) assert(two![at] !== one![at], `${two}`);
  assertEquals([await drey`exec v1 -- ${read}`, await drey`exec v2 -- ${read}`], ["first", ""]);
  assertEquals(two![2], (await drey`config get v2 volatile.uuid`).trim());
  await drey`delete --force v2`;
}

await e2e(
  "a virtual machine with firmware begins another one, and goes on where it was stopped",
  { needs, images: [] },
  async (drey) => {
    await importDisk(drey);
    // of its own, since others make room for theirs in the one that all tests have
    const memories = join(drey.directory, "machines/memories");
    await Deno.remove(memories);
    await Deno.mkdir(memories);
    await drey`init tinydisk v1 --vm -c security.secureboot=false -c limits.memory=512MiB`;
    await drey`start v1`;
    await beginsAnother(drey, memories);
    assertMatch((await drey.tries`stop v1 --stateful`).stderr, /migration\.stateful/);
    await drey`config set v1 migration.stateful=true`;
    // the guest sees at once that its disk has grown
    const gigabytes = perl(`sysopen F, "/dev/own", 0; print sysseek(F, 0, 2) >> 30`);
    assertEquals(await drey`exec v1 -- ${gigabytes}`, "10");
    await drey`config device add v1 root disk path=/ pool=default size=11GiB`;
    assertEquals(await drey`exec v1 -- ${gigabytes}`, "11");
    await drey`exec v1 -- ${counting}`;
    const [pid] = await count(drey);
    await drey`stop v1 --stateful`;
    await drey`start v1`;
    assertEquals((await count(drey))[0], pid);
    await drey`snapshot v1 warm --stateful`;
    assertEquals((await count(drey))[0], pid);
    await drey`delete --force v1`;
    assertEquals(await Array.fromAsync(Deno.readDir(join(drey.directory, "run/instances"))), []);
    await drey`image delete tinydisk`;
    assertEquals(await Array.fromAsync(Deno.readDir(memories)), []);
  },
);

await e2e(
  "a virtual machine of an image for containers goes on where it was stopped, and from a snapshot",
  { needs: ["userns", "subids", "overlay", "machines", "made-disks", "user"] },
  async (drey) => {
    await lendKernel(drey);
    await drey`init tiny v1 --vm -c limits.memory=512MiB -c migration.stateful=true`;
    assertMatch((await drey.tries`stop v1 --stateful`).stderr, /it is not running/);
    await drey`start v1`;
    // the disk has the owners that the image's files have, and the size of any machine's
    const facts = "stat -c %u:%g:%a /tmp; df -k / | tail -1; hostname; ls /lib/modules/$(uname -r)/kernel";
    const [tmp, space = "", hostname] = (await drey`exec v1 -- ${["sh", "-c", facts]}`).split("\n");
    assertEquals([tmp, hostname], ["0:0:1777", "v1"]);
    assert(Number(space.split(/\s+/)[1]) > 9 * 2 ** 20, space);
    await drey`exec v1 -- ${counting}`;
    const [pid, before] = await count(drey);
    assert(pid > 0);

    await drey`stop v1 --stateful`;
    assertEquals(await stateOf(drey), ["Stopped", true]);
    assertMatch((await drey.tries`file pull v1/etc/group -`).stderr, /they are on a disk/);
    // another machine could do nothing with what this one had in its memory
    await drey`config set v1 limits.memory=600MiB`;
    const refused = await drey.tries`start v1`;
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /these have changed: limits[\s\S]*--stateless/);
    await drey`config set v1 limits.memory=512MiB`;
    await drey`start v1`;
    assertEquals(await stateOf(drey), ["Running", false]);
    const [again, after] = await count(drey);
    assertEquals(again, pid);
    assert(after > before, `${before} ${after}`);
    const clock = Number(await drey`exec v1 -- ${perl("print time")}`);
    assert(Math.abs(clock - Date.now() / 1000) < 120, `${clock}`);

    await drey`snapshot v1 warm --stateful`;
    assertEquals((await count(drey))[0], pid);
    await drey`stop --force v1`;
    await drey`restore v1 warm --stateful`;
    assertEquals((await count(drey))[0], pid);
    await drey`stop v1 --stateful`;
    await drey`start v1 --stateless`;
    assertEquals(await stateOf(drey), ["Running", false]);
    await drey`stop v1`;
    // what it boots with is told by its disk, wherever that goes
    await drey`copy v1 v2`;
    await drey`delete v1`;
    const hasTpm = missingTools(["swtpm"]).length === 0;
    if (hasTpm) await drey`config device add v2 tpm tpm`;
    await drey`start v2`;
    assertEquals(await drey`exec v2 -- hostname`, "v2\n");
    if (hasTpm) {
      assertEquals(await drey`exec v2 -- cat /sys/class/tpm/tpm0/tpm_version_major`, "2\n");
    }
    // a terminal of text, with a keyboard
    const screen = "cat /sys/class/tty/tty0/active /sys/class/input/input*/name";
    if (canShow()) assertMatch(await drey`exec v2 -- ${["sh", "-c", screen]}`, /^tty1\n[^]*Keyboard/i);
    await drey`delete --force v2`;
  },
);

await e2e(
  "lxc keeps the memory of a virtual machine, over a stop and in a snapshot",
  { needs: ["userns", "subids", "overlay", "machines", "made-disks", "user", "lxc"] },
  async (drey) => {
    await lendKernel(drey);
    await using server = await serve(drey);
    const { lxc } = server;
    await lxc("launch", "tiny/vm", "v1", "--vm", "-c", "migration.stateful=true");
    await drey`exec v1 -- ${counting}`;
    const [pid] = await count(drey);
    await lxc("stop", "v1", "--stateful");
    assertEquals(await stateOf(drey), ["Stopped", true]);
    await lxc("start", "v1");
    assertEquals((await count(drey))[0], pid);
    await lxc("snapshot", "v1", "warm", "--stateful");
    assertMatch(await lxc("info", "v1"), /warm.*\|\s*YES/);
    await lxc("stop", "v1", "--force");
    await lxc("restore", "v1", "warm", "--stateful");
    assertEquals((await count(drey))[0], pid);
    await lxc("delete", "v1", "--force");
  },
);
