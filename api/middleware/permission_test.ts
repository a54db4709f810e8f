import { assertEquals, assertThrows } from "@std/testing";
import type { Caller } from "../call.ts";
import { mayReach, withinReach } from "./permission.ts";

const confined: Caller = {
  uid: 0,
  protocol: "tls",
  username: "ci",
  trust: { type: "client", projects: ["web"] },
};
const admin: Caller = { ...confined, trust: { type: "client" } };

Deno.test("a body names no project outside those of its sender, whatever else it says", () => {
  const outside = [
    { project: "default" },
    { project: "default", server: "https://elsewhere" },
    { source: { type: "copy", source: "c1", project: "default" } },
    { source: { type: "copy", source: "c1", project: "default", server: "https://elsewhere" } },
    { type: "image", server: "https://elsewhere", project: "default" },
    { source: { type: "image", alias: "x", project: "default" } },
  ];
  for (const body of outside) {
    assertThrows(() => mayReach(confined, body), Error, "not authorized");
    mayReach(admin, body);
  }
});

Deno.test("images of other servers are in projects of those servers", () => {
  mayReach(confined, {
    source: { type: "image", alias: "x", project: "theirs", server: "https://elsewhere" },
  });
  mayReach(confined, { project: "web", source: { type: "copy", source: "c1", project: "web" } });
  for (const body of [undefined, null, "text", { source: "text" }]) mayReach(confined, body);
});

Deno.test("who is confined to projects is not told who else uses a thing", () => {
  const used_by = ["/1.0/instances/c1", "/1.0/instances/c2?project=web", "/1.0/profiles/p?project=other"];
  const near = ["/1.0/instances/c2?project=web"];
  assertEquals(withinReach(confined, { name: "default", used_by }), { name: "default", used_by: near });
  assertEquals(withinReach(confined, [{ used_by }, "/1.0/profiles/default"]), [
    { used_by: near },
    "/1.0/profiles/default",
  ]);
  assertEquals(withinReach(admin, { used_by }), { used_by });
  for (const shown of [null, undefined, "text", { used_by: "text" }]) {
    assertEquals(withinReach(confined, shown), shown);
  }
});
