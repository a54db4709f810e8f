// Metadata and templates of instances: those of the image until they are changed.

import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e("metadata and templates are the image's until they are changed", { needs }, async (drey) => {
  await drey`init tiny c1`;
  await drey`init tiny c2`;
  const before = await drey`config metadata show c1`;
  assertMatch(before, /description: Tiny test image/);
  await drey.run(["config", "metadata", "edit", "c1"], { stdin: before.replace("Tiny test", "Another") });
  assertMatch(await drey`config metadata show c1`, /description: Another image/);
  assertEquals(await drey`config metadata show c2`, before);
  await drey.run(["config", "template", "create", "c1", "a.tpl"], { stdin: "text\n" });
  await drey`rename c1 c3`;
  assertEquals(await drey`config template show c3 a.tpl`, "text\n");
  assertEquals(JSON.parse(await drey`config template list c3 -f json`), ["a.tpl"]);
  await drey`config template delete c3 a.tpl`;
  assertEquals((await drey.tries`config template show c3 a.tpl`).code, 1);
  for (const name of ["../metadata.yaml", "..", "a/b", ".partial"]) {
    assertEquals((await drey.tries`config template show c3 ${name}`).code, 1, name);
    assertEquals(
      (await drey.run(["config", "template", "create", "c3", name], { stdin: "x" })).code,
      1,
      name,
    );
  }
});

await e2e("lxc shows and edits metadata", { needs: [...needs, "lxc"] }, async (drey) => {
  await drey`init tiny c1`;
  await using server = await serve(drey);
  const shown = await server.lxc("config", "metadata", "show", "c1");
  const stdin = shown.replace("Tiny test", "Another");
  assertEquals((await server.tries(["config", "metadata", "edit", "c1"], { stdin })).code, 0);
  assertMatch(await server.lxc("config", "metadata", "show", "c1"), /Another image/);
  assertMatch(await server.lxc("config", "template", "list", "c1"), /FILENAME/);
});

await e2e("lxc lists pools and hardware", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  assertMatch(await server.lxc("storage", "list"), /default/);
  assertMatch(await server.lxc("info", "--resources"), /CPU/);
  assertMatch(await drey`info --resources`, /sockets/);
});
