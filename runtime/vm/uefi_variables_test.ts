// Variables in the firmware's flash memory: one made here, and the files that Debian's firmware begins with.

import { assert, assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { exists } from "../../sys/present.ts";
import { readVariables, type UefiVariable, writeVariables } from "./uefi_variables.ts";

const vendor = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const bytes = (...values: number[]) => new Uint8Array(values);

/** Flash memory with an empty store of `size` bytes, and after it a block that says what is still to be written. */
function emptyFlash(size = 1024): Uint8Array<ArrayBuffer> {
  const flash = new Uint8Array(0x48 + size + 256).fill(0xff);
  const view = new DataView(flash.buffer);
  flash.fill(0, 0, 0x48 + 28);
  flash.set(new TextEncoder().encode("_FVH"), 0x28);
  view.setUint16(0x30, 0x48, true);
  flash.set(hex("782cf3aa7b949a43a1802e144ec37792"), 0x48);
  view.setUint32(0x48 + 16, size, true);
  const working = 0x48 + size;
  flash.set(hex("2b29589e687c7d49a0ce6500fd9f1b95"), working);
  // a write that is under way
  flash.fill(0x5a, working + 32, working + 64);
  return flash;
}

const hex = (text: string) => bytes(...(text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));

const variable = (name: string, data: Uint8Array<ArrayBuffer>, attributes = 7): UefiVariable => ({
  name,
  vendor,
  attributes,
  data,
  time: new Uint8Array(16),
});

Deno.test("variables are read as they were written, and a write that was under way is dropped", () => {
  const empty = emptyFlash();
  assertEquals(readVariables(empty), []);
  const all = [variable("BootOrder", bytes(1, 0, 0)), variable("Täst", bytes(), 3)];
  const flash = writeVariables(empty, all);
  assertEquals(readVariables(flash), all);
  assertEquals(flash.length, empty.length);
  assertEquals(flash.subarray(0, 0x48 + 28), empty.subarray(0, 0x48 + 28));
  const working = 0x48 + 1024;
  assertEquals(flash.subarray(working, working + 32), empty.subarray(working, working + 32));
  assert(flash.subarray(working + 32).every((byte) => byte === 0xff));
});

Deno.test("of a variable that is being replaced the new value counts, else the old one; a deleted one is gone", () => {
  const flash = writeVariables(emptyFlash(), [
    variable("A", bytes(1)),
    variable("A", bytes(2)),
    variable("B", bytes(3)),
    variable("C", bytes(4)),
  ]);
  const size = 68; // header, two letters, one byte, up to a multiple of four
  const first = 0x48 + 28;
  flash[first + 2] = 0x3e;
  flash[first + 2 * size + 2] = 0x3e;
  flash[first + 3 * size + 2] = 0x3c;
  assertEquals(readVariables(flash).map(({ name, data }) => [name, ...data]), [["A", 2], ["B", 3]]);
});

Deno.test("what is no flash memory, or is too full, is refused", () => {
  assertThrows(() => readVariables(new Uint8Array(1024)), DreyError, "no firmware volume");
  assertThrows(
    () => writeVariables(emptyFlash(256), [variable("A", new Uint8Array(300))]),
    DreyError,
    "no room",
  );
  const cut = emptyFlash();
  new DataView(cut.buffer).setUint32(0x48 + 16, 1 << 30, true);
  assertThrows(() => readVariables(cut), DreyError, "longer than itself");
});

for (const name of ["OVMF_VARS_4M.fd", "OVMF_VARS_4M.ms.fd"]) {
  const path = `/usr/share/OVMF/${name}`;
  Deno.test({
    name: `the firmware's own ${name} is read, and written without a loss${
      exists(path) ? "" : " (not here)"
    }`,
    ignore: !exists(path),
    fn() {
      const flash = Deno.readFileSync(path);
      const all = readVariables(flash);
      if (name.includes(".ms.")) {
        const names = all.map(({ name }) => name);
        for (const key of ["PK", "KEK", "db", "dbx", "SecureBootEnable"]) assert(names.includes(key), key);
        assertEquals([...all.find(({ name }) => name === "SecureBootEnable")?.data ?? []], [1]);
      } else assertEquals(all, []);
      assertEquals(readVariables(writeVariables(flash, all)), all);
    },
  });
}
