import { assert, assertThrows } from "@std/testing";
import { SysError } from "./libc.ts";
import { touchIfThere } from "./touch.ts";

Deno.test("touchIfThere() makes a file as young as now, makes none, and says what is in its way", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/file`;
  touchIfThere(path);
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  Deno.writeTextFileSync(path, "");
  Deno.utimeSync(path, 1, 1);
  const before = Date.now();
  touchIfThere(path);
  // the kernel's clock for files lags behind by a tick
  assert((Deno.statSync(path).mtime?.getTime() ?? 0) > before - 1000);
  assertThrows(() => touchIfThere(`${path}/below`), SysError, "utimensat(2)");
  await Deno.remove(directory, { recursive: true });
});
