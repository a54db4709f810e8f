import { assertEquals } from "@std/testing";
import { bundlePath, startedAs } from "./entrance.ts";
import { currentProgram } from "./open.ts";

Deno.test("startedAs() names the file that another drey is started as, whatever its letters", () => {
  assertEquals(currentProgram().at(-1)?.endsWith("/cli.ts"), true);
  for (const path of ["/opt/drey.js", "/opt/50% off #1?/drey", "/opt/drey-0.1"]) {
    startedAs(path);
    assertEquals(bundlePath(), path);
    assertEquals(currentProgram().at(-1), path);
  }
  startedAs("./dist/drey.js");
  assertEquals(currentProgram().at(-1), `${Deno.cwd()}/dist/drey.js`);
});
