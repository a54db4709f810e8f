import { assertEquals, assertRejects, assertThrows } from "@std/testing";
import { closeFd } from "./descriptors.ts";
import { SysError } from "./libc.ts";
import { isLocked, tryLockFile, waitUnlocked } from "./locks.ts";

Deno.test("a lock is asked about and waited for; a missing file is nobody's", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/lock`;
  assertEquals(isLocked(path), false);
  await waitUnlocked(path);
  const held = tryLockFile(path);
  assertEquals(isLocked(path), true);
  const waiting = waitUnlocked(path);
  if (held !== undefined) closeFd(held);
  await waiting;
  assertEquals(isLocked(path), false);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a lock that cannot be looked at is not taken for free", async () => {
  const path = `/tmp/${"x".repeat(300)}`;
  assertThrows(() => isLocked(path), SysError, "open(2)");
  await assertRejects(() => waitUnlocked(path), SysError, "open(2)");
});
