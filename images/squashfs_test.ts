import { assert, assertEquals } from "@std/testing";
import { parseSquashfsLine } from "./squashfs.ts";

Deno.test("parseSquashfsLine() tells devices, links and names with blanks", () => {
  assertEquals(parseSquashfsLine("crw-rw-rw- 0/0             1,  3 2026-11-20 20:48 /dev/null"), {
    name: "dev/null",
    type: "char",
    target: "",
    size: 0,
  });
  assertEquals(parseSquashfsLine("lrwxrwxrwx 0/0       7 2026-11-20 20:47 /a b -> c d")?.target, "c d");
  assertEquals(
    parseSquashfsLine("-rw-r--r-- 0/0 3040 2023-05-25 15:54 /etc/adduser.conf")?.name,
    "etc/adduser.conf",
  );
  assert(parseSquashfsLine("Parallel unsquashfs: Using 2 processors") === undefined);
});
