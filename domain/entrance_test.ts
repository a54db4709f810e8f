import { assertEquals } from "@std/testing";
import { fromFileUrl } from "@std/path";
import { entrance, startedAs } from "./entrance.ts";
import { currentProgram } from "./open.ts";

Deno.test("startedAs() names the file that another drey is started as, whatever its letters", () => {
  const before = fromFileUrl(entrance());
  try {
    for (const path of ["/opt/drey.js", "/opt/50% off #1?/drey", "/opt/drey-0.1"]) {
      startedAs(path);
      assertEquals(fromFileUrl(entrance()), path);
      assertEquals(currentProgram().at(-1), path);
    }
    startedAs("./dist/drey.js");
    assertEquals(fromFileUrl(entrance()), `${Deno.cwd()}/dist/drey.js`);
  } finally {
    startedAs(before);
  }
});
