import { assertEquals } from "@std/testing";
import { choosePaths } from "./paths.ts";

function runOf({ env = {}, owned = [], linked }: {
  env?: Record<string, string>;
  owned?: readonly string[];
  linked?: string;
}): string {
  return choosePaths({
    env: (name) => env[name],
    uid: 1000,
    home: "/home/me",
    owns: (directory) => owned.includes(directory),
    linkedRun: () => linked,
  }).run;
}

const session = "/run/user/1000";

Deno.test("choosePaths() keeps run-time files in the user's session, whatever session is named", () => {
  assertEquals(runOf({ env: { XDG_RUNTIME_DIR: "/mine" }, owned: ["/mine", session] }), "/mine/drey");
  // su(1) keeps the directory of whoever calls it
  assertEquals(runOf({ env: { XDG_RUNTIME_DIR: "/run/user/0" }, owned: [session] }), `${session}/drey`);
  assertEquals(runOf({ owned: [session] }), `${session}/drey`);
  assertEquals(runOf({}), "/home/me/.local/share/drey/run");
});

Deno.test("choosePaths() looks for run-time files where they are, from whatever session", () => {
  const here = "/home/me/.local/share/drey/run";
  const there = `${session}/drey`;
  assertEquals(runOf({ linked: there }), there);
  assertEquals(runOf({ owned: [session, here] }), here, "begun before there was a session");
  assertEquals(runOf({ owned: [session, there, here] }), there);
  assertEquals(runOf({ env: { DREY_DIR: "/other" }, linked: there }), "/other/run");
});
