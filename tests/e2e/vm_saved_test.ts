// The memory of a virtual machine: kept when it is stopped, and in snapshots.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { importDisk, perl } from "../support/disk_machine.ts";
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

await e2e(
  "a virtual machine with firmware goes on where it was stopped, its disk having grown",
  { needs, images: [] },
  async (drey) => {
    await importDisk(drey);
    await drey`init tinydisk v1 --vm -c security.secureboot=false -c limits.memory=512MiB`;
    await drey`start v1`;
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
    await drey`start v2`;
    assertEquals(await drey`exec v2 -- hostname`, "v2\n");
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
