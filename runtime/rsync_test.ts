import { assertEquals } from "@std/testing";
import { receiveArgv, sendArgv } from "./rsync.ts";

Deno.test("both ends of rsync have the same options", () => {
  const optionsOf = (argv: string[]) => argv.filter((word) => word.startsWith("--") && word !== "--server");
  const features = ["xattrs", "delete", "hard_links"] as const;
  assertEquals(optionsOf(sendArgv("/tree", features)), optionsOf(receiveArgv("/tree", features)));
});

Deno.test("receiveArgv() gives root's files to others where root there is not root inside", () => {
  const argv = receiveArgv("/tree", [], { uid: 5, gid: 6 });
  assertEquals(argv.slice(-4), ["--usermap=0:5", "--groupmap=0:6", ".", "/tree/"]);
});
