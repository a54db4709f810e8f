import { assert, assertEquals } from "@std/testing";
import { giveUpReserve, keepReserve } from "./reserve.ts";

Deno.test("keepReserve() takes room once, which giveUpReserve() gives up", async () => {
  const directory = await Deno.makeTempDir();
  assertEquals(giveUpReserve(directory), false);
  for (let times = 0; times < 2; times++) keepReserve(directory);
  const { size, mode } = await Deno.stat(`${directory}/reserve`);
  assertEquals([size, (mode ?? 0) & 0o777], [1 << 20, 0o600]);
  assert(giveUpReserve(directory));
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});
