import { assert, assertEquals } from "@std/testing";
import { commands, groups } from "./commands.ts";
import { candidates } from "./complete.ts";

const grammar = { commands, groups };
const after = (line: string) => candidates(line.split(" "), grammar);

Deno.test("candidates() offers commands first, and those of a group after its word", () => {
  assert(after("").words.includes("launch"));
  assert(!after("").words.includes("__complete"));
  assert(after("config device ").words.includes("override"));
});

Deno.test("candidates() offers the flags of a command, and the values of a flag", () => {
  assert(after("list --").words.includes("--all-projects"));
  assertEquals(after("list --format ").words, ["table", "json", "yaml", "csv", "compact"]);
  assertEquals(after("launch -p ").wanted, "profile");
});

Deno.test("candidates() knows what an argument names", () => {
  assertEquals(after("exec w").wanted, "instance");
  assertEquals(after("start a b ").wanted, "instance");
  assertEquals(after("launch ").wanted, "image");
  assertEquals(after("profile add web ").wanted, "profile");
  assertEquals(after("storage show ").wanted, "pool");
  assertEquals(after("image rm ").wanted, "image");
});

Deno.test("candidates() is silent after an unknown word", () => {
  assertEquals(after("nonsense "), { words: [] });
});

Deno.test("candidates() names what keys configure", () => {
  assertEquals(after("config set web limits.").keysOf, "instance");
  assertEquals(after("config get core.").keysOf, "server");
  assertEquals(after("profile unset default l").keysOf, "instance");
  assertEquals(after("network set lab ipv4").keysOf, "network");
  assertEquals(after("storage volume set default data s").keysOf, "storage-volume");
  assertEquals(after("storage create fast dir s").keysOf, "storage-pool");
  assertEquals(after("config device set web root s").keysOf, "");
  assertEquals(after("network show ").wanted, "network");
});

Deno.test("candidates() knows devices, their types and keys, and paths in instances", () => {
  assertEquals(after("config device add web src "), { words: [], wanted: "device-type" });
  assertEquals(after("config device add web "), { words: [] });
  assertEquals(after("config device add web src disk source=/x pa").deviceType, "disk");
  const owner = { kind: "profile", name: "default" } as const;
  assertEquals(after("profile device remove default e"), { words: [], owner });
  assertEquals(after("config device set web ").owner, { kind: "instance", name: "web" });
  assertEquals(after("restore web ").owner, { kind: "snapshots", name: "web" });
  assertEquals(after("storage volume attach default d").owner, { kind: "volumes", name: "default" });
  assertEquals(after("storage volume create default "), { words: [] });
  assertEquals(after("file pull web/etc/h").wanted, "path");
  assertEquals(after("file push "), { words: [] });
  assertEquals(after("file push a b w").words, []);
});
