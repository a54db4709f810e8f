import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { makePipe } from "../sys/descriptors.ts";
import { reviveHub } from "./hub.ts";

Deno.test("a hub whose files were being removed is not revived", async () => {
  const directory = await Deno.makeTempDir();
  makePipe(join(directory, "control"));
  await Deno.writeTextFile(join(directory, "holder.pid"), "0\n");
  assertEquals(await reviveHub(directory, undefined), false);
  await Deno.remove(directory, { recursive: true });
});
