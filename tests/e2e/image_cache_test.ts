// What is kept of images beside the images: the machine's shared cache, and what can be removed.

import { assert, assertEquals, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { e2e } from "../support/drey.ts";
import { serveImages } from "../support/image_server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e(
  "a file that one user fetched is downloaded by nobody else",
  { needs, images: [] },
  async (drey) => {
    await using server = await serveImages(`${drey.directory}/served`);
    const cache = `${drey.directory}/cache`;
    await Deno.mkdir(cache);
    const launch = async (name: string) => {
      const directory = join(drey.directory, name);
      const env = { DREY_DIR: directory, DREY_CONF: join(directory, "config"), DREY_IMAGE_CACHE: cache };
      await drey.run(["remote", "add", "mine", server.address, "--protocol", "simplestreams"], { env });
      const { code, stderr } = await drey.run(["image", "copy", "mine:tiny/1", "local:", "--alias", "t"], {
        env,
      });
      assertEquals([code, stderr], [0, ""]);
    };
    await launch("one");
    const before = server.sent;
    const files = [...Deno.readDirSync(cache)].map(({ name }) => name);
    assertEquals(files.length, 2);
    server.requests.length = 0;
    await launch("two");
    assert(server.requests.every((line) => !line.includes("/images/tiny/")), server.requests.join("\n"));
    // the third finds what somebody has tampered with
    for (const name of files) {
      const content = await Deno.readFile(join(cache, name));
      await Deno.writeFile(join(cache, name), content.reverse());
    }
    await launch("three");
    assert(server.sent > before + 1000);
  },
);

await e2e(
  "pruning removes what can be had again, and no instance loses anything",
  { needs, images: [] },
  async (drey) => {
    await using server = await serveImages(`${drey.directory}/served`);
    await drey`remote add mine ${server.address} --protocol simplestreams`;
    await drey`launch mine:tiny/1 c1`;
    await server.publish("20260202_05:24");
    await drey`image refresh ${server.images[0]?.fingerprint ?? ""}`;
    await drey`init mine:tiny/1 c2`;
    await drey`delete c2`;
    const plan = JSON.parse(await drey`image prune --plan --format json`);
    assertEquals(plan.map(({ kind }: { kind: string }) => kind), ["image", "catalog"]);
    assertEquals(plan[0].name, server.images[1]?.fingerprint);
    assertEquals(JSON.parse(await drey`image list --format json`).length, 1);
    assertStringIncludes(await drey`image prune`, "freed");
    assertEquals(JSON.parse(await drey`image list --format json`), []);
    await drey`restart c1 --force`;
    assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260101_05:24");
    assertEquals(JSON.parse(await drey`image prune --plan --format json`), []);
  },
);
