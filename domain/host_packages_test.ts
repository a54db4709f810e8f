import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { installMissing, missingTools } from "./host_packages.ts";

const refuses = { ask: () => false, say: () => {} };

Deno.test("missingTools() looks along the whole PATH, the administrator's directories too", () => {
  assertEquals(missingTools(["sh", "no-such-program"]), ["no-such-program"]);
});

Deno.test("installMissing() does and asks nothing when all is there", async () => {
  const consent = {
    ask: () => {
      throw new Error("asked");
    },
    say: () => {},
  };
  assertEquals(await installMissing(["sh"], { consent }), []);
});

Deno.test("installMissing() without consent or without being root names the command to ask for", async () => {
  const error = await assertRejects(
    () => installMissing(["sh", "no-such-program"], { consent: refuses }),
    DreyError,
    'Cannot run "no-such-program": not installed',
  );
  assertEquals(error.code, "TOOL_MISSING");
  assertEquals(error.hint, "Ask an administrator to run: apt-get install no-such-program");
});
