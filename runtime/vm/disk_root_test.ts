import { assertEquals, assertMatch } from "@std/testing";
import { run, runChecked } from "../../sys/run.ts";
import { longestChain, planDisk, usualDisk } from "./disk_root.ts";
import { type DiskMaking, makeDiskArgv, mendDiskArgv } from "./disk_root.pl.ts";

Deno.test("planDisk() writes to the last file where it may, and else to a new one over it", () => {
  assertEquals(planDisk([], []), { kind: "empty", write: "disk.0.qcow2" });
  assertEquals(planDisk([], ["disk.0.qcow2"]), {
    kind: "over",
    write: "disk.1.qcow2",
    below: "disk.0.qcow2",
  });
  assertEquals(planDisk(["disk.9.qcow2"], ["disk.0.qcow2", "disk.9.qcow2"]), {
    kind: "ready",
    write: "disk.9.qcow2",
  });
  assertEquals(planDisk(["disk.9.qcow2"], ["disk.10.qcow2", "disk.9.qcow2", "nvram.fd"]), {
    kind: "over",
    write: "disk.11.qcow2",
    below: "disk.10.qcow2",
  });
});

Deno.test("planDisk() lets a new file stand on the first again before there are too many", () => {
  assertEquals(planDisk([], [`disk.${longestChain - 1}.qcow2`]), {
    kind: "short",
    write: `disk.${longestChain}.qcow2`,
    below: `disk.${longestChain - 1}.qcow2`,
    base: "disk.0.qcow2",
  });
});

const hasImg = (await run(["sh", "-c", "command -v qemu-img"])).code === 0;

/** A directory with an image's disk, on which one byte of each megabyte says which file it was written to. */
async function workshop() {
  const directory = await Deno.makeTempDir();
  const sh = (script: string) => runChecked(["sh", "-ec", script], { cwd: directory });
  return {
    directory,
    sh,
    names: () => [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted(),
    make: (making: Omit<DiskMaking, "directory">) => run(makeDiskArgv({ directory, ...making })),
    write: (file: string, at: number) => sh(`qemu-io -f qcow2 -c 'write -q -P ${at} ${at}M 1M' ${file}`),
    reads: async (file: string, at: number, value: number) =>
      (await run(["qemu-io", "-f", "qcow2", "-r", "-c", `read -P ${value} ${at}M 1M`, file], {
        cwd: directory,
      }))
        .code === 0,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test({
  name: `a disk grows by files over files, and is made short without losing anything${
    hasImg ? "" : " (needs qemu-img)"
  }`,
  ignore: !hasImg,
  async fn() {
    await using shop = await workshop();
    await shop.sh("qemu-img create -q -f qcow2 disk.0.qcow2 64M");
    const size = 128 * 1024 ** 2;
    for (let number = 1; number <= longestChain; number++) {
      const plan = planDisk([], shop.names());
      assertEquals(plan.write, `disk.${number}.qcow2`);
      assertEquals((await shop.make({ plan, size })).stderr, "");
      await shop.write(plan.write, number);
    }
    assertEquals(shop.names(), ["disk.0.qcow2", "disk.16.open", "disk.16.qcow2"]);
    for (let number = 1; number <= longestChain; number++) {
      assertEquals(await shop.reads("disk.16.qcow2", number, number), true);
    }
    assertEquals(await shop.reads("disk.16.qcow2", 1, 2), false);
    const info = JSON.parse(await shop.sh("qemu-img info --output=json disk.16.qcow2"));
    assertEquals([info["virtual-size"], info["backing-filename"]], [size, "disk.0.qcow2"]);
    await shop.sh("qemu-img check -q disk.16.qcow2");
    // it is never made smaller
    await shop.make({ plan: { kind: "ready", write: "disk.16.qcow2" }, size: 1024 });
    assertEquals(
      JSON.parse(await shop.sh("qemu-img info --output=json disk.16.qcow2"))["virtual-size"],
      size,
    );
  },
});

Deno.test({
  name: `an empty disk is made for a machine that is to be installed, with the firmware's variables${
    hasImg ? "" : " (needs qemu-img)"
  }`,
  ignore: !hasImg,
  async fn() {
    await using shop = await workshop();
    await shop.sh("echo variables >template");
    const nvram = { name: "nvram.fd", template: `${shop.directory}/template` };
    assertEquals((await shop.make({ plan: planDisk([], []), size: usualDisk, nvram })).stderr, "");
    assertEquals(shop.names(), ["disk.0.open", "disk.0.qcow2", "nvram.fd", "template"]);
    assertEquals(await Deno.readTextFile(`${shop.directory}/nvram.fd`), "variables\n");
    // what the firmware has written there stays
    await Deno.writeTextFile(`${shop.directory}/nvram.fd`, "mine");
    await shop.make({ plan: planDisk(shop.names(), shop.names()), size: usualDisk, nvram });
    assertEquals(await Deno.readTextFile(`${shop.directory}/nvram.fd`), "mine");
  },
});

Deno.test({
  name: `a disk whose header leads to a file of the host is not opened${hasImg ? "" : " (needs qemu-img)"}`,
  ignore: !hasImg,
  async fn() {
    await using shop = await workshop();
    await shop.sh("qemu-img create -q -f qcow2 -F raw -b /etc/passwd -u disk.0.qcow2 64M");
    const foreign = await shop.make({ plan: planDisk([], shop.names()), size: 1024 });
    assertMatch(foreign.stderr, /stands on a foreign file: \/etc\/passwd/);
    await shop.sh("qemu-img create -q -f qcow2 -F qcow2 -b disk.1.qcow2 -u disk.0.qcow2 64M");
    await shop.sh("qemu-img create -q -f qcow2 -F qcow2 -b disk.0.qcow2 -u disk.1.qcow2 64M");
    const ring = await shop.make({ plan: { kind: "ready", write: "disk.1.qcow2" }, size: 1024 });
    assertMatch(ring.stderr, /in a ring/);
  },
});

/** Makes a qcow2 file forget what it has put into its first table, as if it had been killed before it wrote that. */
async function forgetWritten(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const number = async (at: number) => {
    await file.seek(at, Deno.SeekMode.Start);
    const bytes = new Uint8Array(8);
    await file.read(bytes);
    return Number(new DataView(bytes.buffer).getBigUint64(0) & 0x00ff_ffff_ffff_fe00n);
  };
  await file.seek(await number(await number(40)), Deno.SeekMode.Start);
  await file.write(new Uint8Array(8 * 8));
}

Deno.test({
  name: `room that a killed machine has left is given back, before the next start or at once${
    hasImg ? "" : " (needs qemu-img)"
  }`,
  ignore: !hasImg,
  async fn() {
    await using shop = await workshop();
    const plan = { kind: "ready", write: "disk.1.qcow2" } as const;
    const path = `${shop.directory}/${plan.write}`;
    const check = async () => (await run(["qemu-img", "check", "-q", path])).code;
    await shop.sh(`qemu-img create -q -f qcow2 ${path} 64M`);
    assertEquals((await shop.make({ plan, size: 1024 })).stderr, "");
    assertEquals(shop.names(), ["disk.1.open", "disk.1.qcow2"]);
    await shop.write(plan.write, 0);
    await forgetWritten(path);
    assertEquals(await check(), 3);
    assertEquals((await shop.make({ plan, size: 1024 })).code, 0);
    assertEquals([await check(), shop.names()], [0, ["disk.1.open", "disk.1.qcow2"]]);

    await shop.write(plan.write, 1);
    await forgetWritten(path);
    assertEquals((await run(mendDiskArgv(shop.directory, plan.write))).code, 0);
    assertEquals([await check(), shop.names()], [0, ["disk.1.qcow2"]]);
    // what is worse stays as it is, with its mark
    await shop.make({ plan, size: 1024 });
    await shop.sh(`printf x | dd of=${path} bs=1 seek=65536 conv=notrunc status=none`);
    assertMatch((await run(mendDiskArgv(shop.directory, plan.write))).stderr, /is damaged|qemu-img check/);
    assertEquals(shop.names(), ["disk.1.open", "disk.1.qcow2"]);
  },
});
