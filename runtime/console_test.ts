import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { attachConsole, isAttached } from "./console.ts";

Deno.test("attachConsole() leaves no lock behind where the instance has just ended", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const error = assertThrows(() => attachConsole(directory, `${directory}/console.log`), DreyError);
    assertEquals(error.code, "INSTANCE_STATE");
    assertEquals(isAttached(directory), false);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
