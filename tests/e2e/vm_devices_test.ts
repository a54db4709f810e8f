// What a virtual machine with a shared root is given: directories of the host, a place on a network, limits.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { namesIn, readIfThere } from "../../sys/present.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { lendKernel } from "../support/machines.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, reaches, udhcpc } from "../support/network.ts";

const needs = ["userns", "subids", "overlay", "machines", "user"] as const;

await e2e(
  "directories are shared with a virtual machine, their owners right both ways",
  { needs },
  async (drey) => {
    await lendKernel(drey);
    const shared = join(drey.directory, "shared");
    await Deno.mkdir(shared);
    await Deno.writeTextFile(join(shared, "mine"), "from the host\n");
    await drey`init tiny v1 --vm -c raw.idmap=${`uid ${Deno.uid()} 1000\ngid ${Deno.gid()} 1000`}`;
    await drey`config device add v1 shared disk source=${shared} path=/mnt/shared`;
    await drey`start v1`;
    assertEquals(await drey`exec v1 -- stat -c ${"%u:%g %s"} /mnt/shared/mine`, "1000:1000 14\n");
    await drey`exec v1 --user 1000 --group 1000 -- ${["sh", "-c", "echo back >/mnt/shared/theirs"]}`;
    const theirs = await Deno.stat(join(shared, "theirs"));
    assertEquals([theirs.uid, theirs.gid], [Deno.uid(), Deno.gid()]);
    assertEquals(await Deno.readTextFile(join(shared, "theirs")), "back\n");

    // while it runs
    const second = join(drey.directory, "second");
    await Deno.mkdir(second);
    await Deno.writeTextFile(join(second, "late"), "plugged in\n");
    await drey`config device add v1 second disk source=${second} path=/mnt/second readonly=true`;
    assertEquals(await drey`exec v1 -- cat /mnt/second/late`, "plugged in\n");
    assertMatch((await drey.tries`exec v1 -- touch /mnt/second/new`).stderr, /Read-only file system/);
    await drey`config device remove v1 second`;
    // the guest may remember a name for a second
    await eventually(
      "what is unplugged is gone",
      async () => (await drey.tries`exec v1 -- cat /mnt/second/late`).code === 1,
    );
  },
);

/** What the kernel tells of QEMU. */
async function statusOfQemu(drey: Drey): Promise<string> {
  const [{ state: { pid: keeper } }] = JSON.parse(await drey`list v1 --format json`);
  const children = (await Deno.readTextFile(`/proc/${keeper}/task/${keeper}/children`)).trim().split(" ");
  const statuses = children.map((pid) => readIfThere(`/proc/${pid}/status`) ?? "");
  return statuses.find((text) => /^Name:\s+qemu-system/m.test(text)) ?? "";
}

/** What the guest has used and frees is the host's again. */
async function givesBackMemory(drey: Drey): Promise<void> {
  const used = async () => Number(/^RssShmem:\s+(\d+)/m.exec(await statusOfQemu(drey))?.[1]) * 1024;
  // without it a guest like this one uses 110 MB
  const large = 160 << 20;
  const fill = `mount -t tmpfs -o size=90% none /mnt && head -c ${large} /dev/urandom >/mnt/file`;
  await drey`exec v1 -- ${["sh", "-c", fill]}`;
  assert(await used() > large);
  await drey`exec v1 -- umount /mnt`;
  await eventually("the memory is the host's again", async () => await used() < large);
}

/** What QEMU may do, what it could ever do, and whether that is all. */
async function powers(drey: Drey): Promise<string[]> {
  const qemu = await statusOfQemu(drey);
  return ["CapEff", "CapBnd", "NoNewPrivs"].map((key) =>
    new RegExp(`^${key}:\\s+(.*)$`, "m").exec(qemu)?.[1] ?? ""
  );
}

/** Which of the host's processors those of a machine may run on, as the kernel has it. */
async function pinned(drey: Drey): Promise<string[]> {
  const [{ state: { pid: keeper } }] = JSON.parse(await drey`list v1 --format json`);
  const children = (await Deno.readTextFile(`/proc/${keeper}/task/${keeper}/children`)).trim().split(" ");
  const found: [name: string, cpus: string][] = [];
  for (const pid of children) {
    for (const task of namesIn(`/proc/${pid}/task`)) {
      const status = readIfThere(`/proc/${pid}/task/${task}/status`) ?? "";
      const read = (key: string) => new RegExp(`^${key}:\\s+(.*)$`, "m").exec(status)?.[1] ?? "";
      if (/^CPU \d+\//.test(read("Name"))) found.push([read("Name"), read("Cpus_allowed_list")]);
    }
  }
  return found.toSorted().map(([, cpus]) => cpus);
}

await e2e("limits of a virtual machine count at its start, and some at once", { needs }, async (drey) => {
  await lendKernel(drey);
  const huge = await drey.tries`launch tiny v0 --vm -c limits.memory.hugepages=true -c limits.memory=100TiB`;
  assertMatch(huge.stderr, /of huge pages free/);
  await drey`delete v0`;
  await drey`launch tiny v1 --vm -c limits.memory=384MiB -c limits.cpu=1`;
  const memory = async () => Number(/MemTotal:\s+(\d+)/.exec(await drey`exec v1 -- cat /proc/meminfo`)?.[1]);
  const atStart = await memory();
  assert(atStart > 256 * 1024 && atStart < 384 * 1024, `${atStart} kB`);
  const grown = await drey.tries`config set v1 limits.memory=1GiB`;
  assertEquals(grown.code, 1);
  assertStringIncludes(grown.stderr, "more memory than the 384MiB it was started with");
  await givesBackMemory(drey);
  // a list does not wait long for a guest that is busy
  await eventually("a list tells of its memory and processes", async () => {
    const { state: { memory: told, processes } } = JSON.parse(await drey`list --format json`)[0];
    return told.total === atStart * 1024 && processes > 1;
  });
  if (navigator.hardwareConcurrency > 1) {
    await drey`config set v1 limits.cpu=2`;
    assertEquals(await drey`exec v1 -- nproc`, "2\n");
    // each of the two runs on one of the host's, then on any again
    const missing = await drey.tries`config set v1 limits.cpu=0,9999`;
    assertStringIncludes(missing.stderr, "processor 9999, which the host does not have");
    const any = await pinned(drey);
    // QEMU itself has no power over the box that it is in
    assertEquals(await powers(drey), ["0000000000000000", "0000000000000000", "1"]);
    await drey`config set v1 limits.cpu=0,1`;
    assertEquals(await pinned(drey), ["0", "1"]);
    await drey`config set v1 limits.cpu=2`;
    assertEquals(await pinned(drey), any);
  }
  const balloon = await drey.tries`config set v1 limits.memory=320MiB`;
  assertEquals([balloon.code, balloon.stderr], [0, ""]);
});

await e2e(
  "a virtual machine and a container meet by their names on a network",
  { needs: [...needs, "network"] },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny c1`;
    await drey`launch tiny v1 --vm`;
    await dhcp(drey, "c1", "v1");
    await reaches(drey, "c1", "v1");
    await reaches(drey, "v1", "c1");
    // more than a frame at once, with checksums that some NIC has to count
    const serve = "head -c 3000000 /dev/zero | socat -u - TCP-LISTEN:5000,reuseaddr & echo started";
    await drey`exec c1 -- ${["sh", "-c", serve]}`;
    const fetch = "socat -u TCP:c1:5000,retry=300,interval=0.1 - | wc -c";
    assertEquals((await drey`exec v1 -- ${["sh", "-c", fetch]}`).trim(), "3000000");
    await eventually("a list tells of its addresses", async () => {
      const listed: { name: string; state: { network: Record<string, { addresses: unknown[] }> } }[] = JSON
        .parse(await drey`list --format json`);
      const network = listed.find(({ name }) => name === "v1")?.state.network ?? {};
      return Object.keys(network).toSorted().join() === "eth0,lo" &&
        (network["eth0"]?.addresses.length ?? 0) > 0;
    });

    // a NIC that comes while it runs, and one that goes
    await drey`network create lab ipv6.address=none`;
    await drey`config device add v1 eth1 nic network=lab`;
    await drey`exec v1 -- ${udhcpc("eth1")}`;
    const second = await drey`exec v1 -- ip -4 -o address show dev eth1`;
    assertMatch(second, /inet \d+\.\d+\.\d+\.\d+/);
    await drey`config device remove v1 eth1`;
    assertEquals((await drey.tries`exec v1 -- ip link show dev eth1`).code, 1);
    await drey`config device add v1 eth1 nic network=lab`;
    assertMatch(await drey`exec v1 -- ip -o link show dev eth1`, /[<,]UP[,>]/);
  },
);
