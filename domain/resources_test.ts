import { assert, assertEquals } from "@std/testing";
import { dirname, join } from "@std/path";
import { readResources } from "./resources.ts";

/** Directories like those of a machine: files by path, links by `path@`. */
async function makeTrees(files: Record<string, string>) {
  const root = await Deno.makeTempDir();
  for (const [path, text] of Object.entries(files)) {
    const target = join(root, path.replace(/@$/, ""));
    await Deno.mkdir(dirname(target), { recursive: true });
    if (path.endsWith("@")) await Deno.symlink(join(root, text), target);
    else await Deno.writeTextFile(target, text);
  }
  return {
    trees: { sys: join(root, "sys"), proc: join(root, "proc"), ids: join(root, "ids") },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const cpu = (id: number, core: number) => ({
  [`sys/devices/system/cpu/cpu${id}/topology/physical_package_id`]: "0",
  [`sys/devices/system/cpu/cpu${id}/topology/core_id`]: String(core),
  [`sys/devices/system/cpu/cpu${id}/node0/x`]: "",
});
const card = "sys/devices/pci0000:00/0000:00:1c.0/0000:02:00.0";

const machine = {
  ...cpu(0, 0),
  ...cpu(1, 0),
  ...cpu(10, 1),
  "sys/devices/system/cpu/online": "0-1",
  "sys/devices/system/cpu/cpu0/cache/index0/level": "1",
  "sys/devices/system/cpu/cpu0/cache/index0/type": "Data",
  "sys/devices/system/cpu/cpu0/cache/index0/size": "32K",
  "proc/cpuinfo":
    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU\ncpu MHz\t\t: 2596.1\n\n",
  "proc/meminfo":
    "MemTotal: 1000 kB\nMemAvailable: 400 kB\nHugePages_Total: 3\nHugePages_Free: 1\nHugepagesize: 2048 kB\n",
  [`${card}/vendor`]: "0x8086\n",
  [`${card}/device`]: "0x1533\n",
  [`${card}/numa_node`]: "-1\n",
  [`${card}/net/eth0/address`]: "02:00:00:00:00:01\n",
  [`${card}/net/eth0/type`]: "1\n",
  [`${card}/net/eth0/carrier`]: "1\n",
  [`${card}/net/eth0/device@`]: card,
  "sys/class/net/eth0@": `${card}/net/eth0`,
  "sys/class/net/lo/address": "00:00:00:00:00:00",
  "sys/block/loop0/size": "8",
  "sys/block/sda/size": "2048",
  "sys/block/sda/dev": "8:0",
  "sys/block/sda/device/model": "Disk  ",
  "sys/block/sda/sda1/partition": "1",
  "sys/block/sda/sda1/size": "1024",
  "ids/pci.ids":
    "# list\n8086  Intel Corporation\n\t1533  I210 Gigabit\n\t\t8086 0001  Sub\n8087  Other\n\t1533  Wrong\n",
};

Deno.test("readResources() sorts processors into sockets, cores and threads", async () => {
  await using made = await makeTrees(machine);
  const { cpu } = readResources(made.trees);
  assertEquals(cpu.total, 3);
  const [socket] = cpu.sockets;
  assertEquals(socket?.name, "Some CPU");
  assertEquals(socket?.cores.map(({ threads }) => threads.map(({ id }) => id)), [[0, 1], [10]]);
  assertEquals(socket?.cores[1]?.threads[0]?.online, false);
  assertEquals(socket?.cache, [{ level: 1, type: "Data", size: 32768 }]);
});

Deno.test("readResources() counts memory in bytes, huge pages too", async () => {
  await using made = await makeTrees(machine);
  const { memory } = readResources(made.trees);
  assertEquals([memory.total, memory.used], [1_024_000, 614_400]);
  assertEquals([memory.hugepages_total, memory.hugepages_used], [3 * 2048 * 1024, 2 * 2048 * 1024]);
});

Deno.test("readResources() leaves out interfaces and disks that are no hardware, and names what is", async () => {
  await using made = await makeTrees(machine);
  const { network, storage } = readResources(made.trees);
  assertEquals(network.total, 1);
  assertEquals([network.cards[0]?.vendor, network.cards[0]?.product], ["Intel Corporation", "I210 Gigabit"]);
  assertEquals([network.cards[0]?.pci_address, network.cards[0]?.numa_node], ["0000:02:00.0", 0]);
  assertEquals(network.cards[0]?.ports[0]?.link_detected, true);
  assertEquals(storage.total, 2);
  assertEquals([storage.disks[0]?.id, storage.disks[0]?.size, storage.disks[0]?.model], [
    "sda",
    1_048_576,
    "Disk",
  ]);
  assertEquals(storage.disks[0]?.partitions[0]?.size, 524_288);
});

Deno.test("readResources() gives something on a machine that tells nothing, and on this one", async () => {
  await using made = await makeTrees({});
  assertEquals(readResources(made.trees).cpu.total, 0);
  assert(readResources().cpu.total > 0);
});
