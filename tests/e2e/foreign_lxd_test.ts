// Images between drey and a real LXD, both ways.

import { assertEquals, assertStringIncludes } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { e2e, imageFiles } from "../support/drey.ts";
import { startLxd } from "../support/foreign_lxd.ts";
import { freePort, serve } from "../support/server.ts";

const hasLxd = missingTools(["lxd", "lxc"]).length === 0;
const name = "images go from a real LXD to drey and back, in every mode";

if (!hasLxd) Deno.test({ name: `${name} (skipped: LXD is not installed)`, ignore: true, fn: () => {} });
else {
  await e2e(name, { needs: ["root", "overlay"], images: [] }, async (drey) => {
    const directory = await Deno.makeTempDir({ dir: "/var/tmp" });
    try {
      await using lxd = await startLxd(directory);
      const [tiny = ""] = await imageFiles("tiny");
      await lxd.lxc("image", "import", tiny, "--alias", "tiny", "kind=first");
      const token = (await lxd.lxc("config", "trust", "add", "--name", "drey")).trim().split("\n").at(-1) ??
        "";
      await drey`remote add real ${token}`;

      // drey pulls what is private in LXD with LXD's secret
      await drey`image copy real:tiny local: --copy-aliases`;
      const [pulled] = JSON.parse(await drey`image list --format json`);
      assertEquals([pulled.aliases[0].name, pulled.properties.kind], ["tiny", "first"]);
      await drey`launch tiny c1`;
      assertEquals(await drey`exec c1 -- hostname`, "c1\n");
      await drey`delete --force c1`;

      // an image that drey made is pushed to LXD, then carried to it
      const list = async () => JSON.parse(await lxd.lxc("image", "list", "--format", "json"));
      for (const mode of ["push", "relay"]) {
        await lxd.lxc("image", "delete", (await list())[0].fingerprint);
        await drey`image copy tiny real: --mode ${mode} --alias ${mode}`;
        const [image] = await list();
        assertEquals([image.fingerprint, image.aliases[0].name], [pulled.fingerprint, mode]);
      }

      // LXD pulls from drey with drey's secret
      await using _server = await serve(drey);
      await drey`config set core.https_address=127.0.0.1:${freePort()}`;
      await lxd.lxc("image", "delete", "relay");
      await drey`image copy tiny real: --alias fetched`;
      assertEquals((await list())[0].fingerprint, pulled.fingerprint);

      // LXD's own client between both
      const invitation = (await drey`config trust add --name lxc`).trim();
      await lxd.lxc("remote", "add", "drey", invitation);
      await lxd.lxc("image", "delete", "fetched");
      await lxd.lxc("image", "copy", "drey:tiny", "local:", "--copy-aliases");
      await drey`image delete tiny`;
      for (const mode of ["push", "relay"]) {
        await lxd.lxc("image", "copy", "local:tiny", "drey:", "--mode", mode, "--alias", `by-${mode}`);
        assertStringIncludes(await drey`image list --format csv`, `by-${mode}`);
        await drey`image delete ${`by-${mode}`}`;
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}
