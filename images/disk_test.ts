import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { awaitsDisk, checkImageDisk, diskHead, isDiskRoot, readDisk } from "./disk.ts";

/** The head of a qcow2 file that QEMU would open. */
function head({ version = 3, backing = "", features = 0, encrypted = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(diskHead);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x51_46_49_fb);
  view.setUint32(4, version);
  if (backing !== "") {
    view.setBigUint64(8, 512n);
    view.setUint32(16, backing.length);
    bytes.set(new TextEncoder().encode(backing), 512);
  }
  view.setUint32(20, 16);
  view.setBigUint64(24, 10n * 1024n ** 3n);
  view.setUint32(32, encrypted);
  view.setBigUint64(72, BigInt(features));
  return bytes;
}

Deno.test("readDisk() reads the size and what a disk stands on", () => {
  assertEquals(readDisk(head({ backing: "disk.0.qcow2" })), {
    size: 10 * 1024 ** 3,
    backing: "disk.0.qcow2",
    isSplit: false,
    isEncrypted: false,
  });
  // the older version has no features: what is there means something else
  assertEquals(readDisk(head({ version: 2, features: 4 })).isSplit, false);
});

const hostile: Record<string, Uint8Array> = {
  "another file": head({ backing: "/etc/shadow" }),
  "in another file": head({ features: 4 }),
  encrypted: head({ encrypted: 1 }),
  "not known": head({ features: 1 << 9 }),
  "version 4": head({ version: 4 }),
  "no qcow2": head().subarray(0, 20),
};

for (const [said, bytes] of Object.entries(hostile)) {
  Deno.test(`checkImageDisk() refuses a disk: ${said}`, () => {
    const path = Deno.makeTempFileSync();
    try {
      Deno.writeFileSync(path, bytes);
      assertThrows(() => checkImageDisk(path), DreyError, said);
    } finally {
      Deno.removeSync(path);
    }
  });
}

Deno.test("isDiskRoot() knows a tree with a disk from one that a system boots from", () => {
  assertEquals(
    isDiskRoot(["disk.0.qcow2", "disk.12.qcow2", "nvram.fd", "nvram.ms.fd", "tpm", "memory.state"]),
    true,
  );
  assertEquals(isDiskRoot(["disk.0.qcow2", "sbin"]), false);
  assertEquals(isDiskRoot(["disk.1.qcow2"]), false);
  assertEquals(isDiskRoot([]), false);
  const awaiting = [[], ["nvram.fd", "tpm"], ["nvram.fd", "disk.0.qcow2"], ["sbin"]];
  assertEquals(awaiting.map(awaitsDisk), [true, true, false, false]);
});
