import { assertEquals } from "@std/testing";
import { withoutStrangers } from "./lease_files.ts";

Deno.test("leases of instances that are gone are forgotten, and no line that is none", () => {
  const text = "1700000000 00:16:3e:00:00:01 10.0.0.5 c1 *\n1700000000 00:16:3e:00:00:02 10.0.0.6 c2 *\n" +
    "duid 00:01:00:01\n1700000000 12345 fd42::5 c1 00:02\n";
  assertEquals(
    withoutStrangers(text, new Set(["00:16:3e:00:00:02"])),
    "1700000000 00:16:3e:00:00:02 10.0.0.6 c2 *\nduid 00:01:00:01\n1700000000 12345 fd42::5 c1 00:02\n",
  );
});
