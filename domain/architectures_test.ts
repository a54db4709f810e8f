import { assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { architectures, mustRunHere } from "./architectures.ts";

Deno.test("mustRunHere() refuses images whose programs nothing here runs", async () => {
  const handlers = await Deno.makeTempDir();
  for (const architecture of [...architectures(), ""]) mustRunHere(architecture, handlers);
  const foreign = Deno.build.arch === "x86_64" ? "arm64" : "amd64";
  assertThrows(() => mustRunHere(foreign, handlers), DreyError, "and this host is");
  await Deno.writeTextFile(`${handlers}/qemu-${foreign === "arm64" ? "aarch64" : "x86_64"}`, "enabled\n");
  mustRunHere(foreign, handlers);
  await Deno.remove(handlers, { recursive: true });
});
