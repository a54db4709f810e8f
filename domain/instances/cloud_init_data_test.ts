import { assertEquals } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { checkCloudInitData } from "./cloud_init_data.ts";

const [network, user] = ["cloud-init.network-config", "cloud-init.user-data"];

/** Whether a key takes each of some texts. */
async function taken(key: string, texts: readonly string[]): Promise<boolean[]> {
  return await Promise.all(
    texts.map((text) =>
      checkCloudInitData({ [key]: text }).then(() => true, (error) => {
        if (error instanceof DreyError && error.code === "BAD_REQUEST") return false;
        throw error;
      })
    ),
  );
}

Deno.test("a network configuration is a mapping in YAML, as LXD wants it", async () => {
  const good = ["", "version: 2", "# none yet\n", "#cloud-config\na: b\n", "---\nversion: 2\n---\n- more\n"];
  assertEquals(await taken(network, good), good.map(() => true));
  const bad = ["a: b: c", "{", "#!/bin/sh\ntrue", "plain words", "[1,2", "- a"];
  assertEquals(await taken(network, bad), bad.map(() => false));
});

Deno.test("user data is YAML where it says so in its first line, and anything else otherwise", async () => {
  const good = ["#!/bin/sh\n{", "{", "#include\nhttp://x", "## template: jinja\n#cloud-config\na: {{ b }}"];
  assertEquals(await taken(user, good), good.map(() => true));
  assertEquals(await taken(user, ["#cloud-config\na: b: c", "#cloud-config\na: b"]), [false, true]);
});

Deno.test("what an instance has had for long keeps no other change from it", async () => {
  const old = { [network]: "a: b: c" };
  await checkCloudInitData({ ...old, "user.a": "b" }, old);
});
