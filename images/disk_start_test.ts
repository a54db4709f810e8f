import { assertEquals } from "@std/testing";
import { isFileSystem, readDiskStart } from "./disk_start.ts";

const cluster = 65536;

/** A qcow2 file with its first cluster, or without. */
function disk({ start, below = "", flag = 0n }: { start?: Uint8Array; below?: string; flag?: bigint }) {
  const bytes = new Uint8Array(4 * cluster);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x51_46_49_fb);
  view.setUint32(4, 3);
  view.setBigUint64(40, BigInt(cluster));
  if (below !== "") {
    view.setBigUint64(8, 512n);
    view.setUint32(16, below.length);
    bytes.set(new TextEncoder().encode(below), 512);
  }
  view.setBigUint64(cluster, 1n << 63n | BigInt(2 * cluster));
  view.setBigUint64(2 * cluster, start === undefined ? flag : BigInt(3 * cluster) | flag);
  if (start !== undefined) bytes.set(start, 3 * cluster);
  return bytes;
}

function ext4(): Uint8Array {
  const bytes = new Uint8Array(2048);
  bytes.set([0x53, 0xef], 1080);
  return bytes;
}

Deno.test("isFileSystem() knows a disk that is one file system through the files that it is made of", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const look = (files: Record<string, Uint8Array>) => {
      for (const [name, bytes] of Object.entries(files)) Deno.writeFileSync(`${directory}/${name}`, bytes);
      const open = (name: string) => name in files ? Deno.openSync(`${directory}/${name}`) : undefined;
      const start = readDiskStart(Object.keys(files)[0] ?? "", open);
      return start === undefined ? undefined : isFileSystem(start);
    };
    const partitions = ext4();
    partitions.set([0x55, 0xaa], 510);
    assertEquals(look({ a: disk({ start: ext4() }) }), true);
    assertEquals(look({ a: disk({ start: partitions }) }), false);
    assertEquals(look({ a: disk({ below: "b" }), b: disk({ start: ext4() }) }), true);
    assertEquals(
      look({ a: disk({ start: new Uint8Array(2048), below: "b" }), b: disk({ start: ext4() }) }),
      false,
    );
    assertEquals(look({ a: disk({ flag: 1n, below: "b" }), b: disk({ start: ext4() }) }), false);
    // nothing was ever written to it
    assertEquals(look({ a: disk({}) }), false);
    // packed, in a ring, not there, no qcow2 at all
    assertEquals(look({ a: disk({ start: ext4(), flag: 1n << 62n }) }), undefined);
    assertEquals(look({ a: disk({ below: "b" }), b: disk({ below: "a" }) }), undefined);
    assertEquals(look({ a: disk({ below: "b" }) }), undefined);
    assertEquals(look({ a: new Uint8Array(4096) }), undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
