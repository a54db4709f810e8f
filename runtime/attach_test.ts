import { assertEquals } from "@std/testing";
import { beginAttach, endEarlyAttach } from "./attach.ts";

const open = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("a way in that nobody takes ends, and leaves nothing open", async () => {
  // what the first one loads stays
  beginAttach();
  await endEarlyAttach();
  const before = open();
  for (let turn = 0; turn < 5; turn++) {
    beginAttach();
    beginAttach();
    await endEarlyAttach();
    await endEarlyAttach();
  }
  assertEquals(open(), before);
});
