import { assert } from "@std/testing";
import { isAlive, isThisProcess, thisProcess } from "./owner.ts";

Deno.test("isAlive() tells this process from one before it and from an earlier boot", async () => {
  const me = thisProcess();
  assert(isAlive(me) && isThisProcess(me));
  assert(!isAlive({ ...me, start_time: me.start_time - 1 }));
  assert(!isAlive({ ...me, boot_id: "another" }));
  const child = new Deno.Command("true").spawn();
  await child.status;
  assert(!isAlive({ ...me, pid: child.pid }));
});
