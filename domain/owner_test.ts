import { assert, assertEquals } from "@std/testing";
import { isAlive, isThisProcess, parseStartTime, thisProcess } from "./owner.ts";

Deno.test("parseStartTime() is not fooled by the program's name", () => {
  const rest = "0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0";
  assertEquals(parseStartTime(`7 (a b) S 1) S ${rest} 4711 0 0`), 4711);
  assertEquals(parseStartTime(`7 (sleep) Z ${rest} 4711 0 0`), undefined);
});

Deno.test("isAlive() tells this process from one before it and from an earlier boot", async () => {
  const me = thisProcess();
  assert(isAlive(me) && isThisProcess(me));
  assert(!isAlive({ ...me, start_time: me.start_time - 1 }));
  assert(!isAlive({ ...me, boot_id: "another" }));
  const child = new Deno.Command("true").spawn();
  await child.status;
  assert(!isAlive({ ...me, pid: child.pid }));
});
