import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { makePipe } from "../sys/descriptors.ts";
import { endHub, reviveHub } from "./hub.ts";

Deno.test("a hub whose files were being removed is not revived", async () => {
  const directory = await Deno.makeTempDir();
  makePipe(join(directory, "control"));
  await Deno.writeTextFile(join(directory, "holder.pid"), "0\n");
  assertEquals(await reviveHub(directory, undefined), false);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what is left of a hub that went with its host takes no other processes along", async () => {
  const directory = await Deno.makeTempDir();
  const other = new Deno.Command("sleep", { args: ["60"], detached: true }).spawn();
  await Deno.writeTextFile(join(directory, "holder.pid"), `${other.pid}\n`);
  await Deno.writeTextFile(join(directory, "holder.start"), "1\n");
  await endHub(directory);
  other.kill("SIGTERM");
  assertEquals((await other.status).signal, "SIGTERM");
});
