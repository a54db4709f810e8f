// Images between drey and a real LXD, both ways.

import { assertEquals, assertStringIncludes } from "@std/testing";
import { missingTools } from "../../domain/host_packages.ts";
import { runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { type ForeignLxd, startLxd } from "../support/foreign_lxd.ts";
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
      await carryMachine(drey, lxd, directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** The image of a virtual machine, from LXD to drey and back, a file for its disk at the end. */
async function carryMachine(drey: Drey, lxd: ForeignLxd, directory: string): Promise<void> {
  if (missingTools(["qemu-img"]).length > 0) return console.log("without an image of a machine: no qemu-img");
  const script =
    `printf 'architecture: x86_64\\ncreation_date: 1\\nproperties: {os: machine}\\n' >metadata.yaml
tar -cJf meta.tar.xz metadata.yaml
qemu-img create -q -f qcow2 disk.qcow2 1G`;
  await runChecked(["sh", "-ec", script], { cwd: directory });
  await lxd.lxc(
    "image",
    "import",
    `${directory}/meta.tar.xz`,
    `${directory}/disk.qcow2`,
    "--alias",
    "machine",
  );
  await drey`image copy real:machine local: --copy-aliases`;
  const listed = async () => JSON.parse(await drey`image list machine --format json`)[0];
  const { fingerprint, type } = await listed();
  assertEquals(type, "virtual-machine");
  // its disk becomes an instance's, and stays what the image is
  await drey`init machine v1 --vm`;
  await drey`delete v1`;
  await lxd.lxc("image", "delete", "machine");
  await drey`image copy machine real: --mode push --alias machine`;
  await drey`image delete machine`;
  await lxd.lxc("image", "copy", "local:machine", "drey:", "--copy-aliases");
  assertEquals([(await listed()).fingerprint, (await listed()).type], [fingerprint, type]);
  await drey`image export machine ${`${directory}/out`}`;
  await runChecked(["cmp", `${directory}/out.root`, `${directory}/disk.qcow2`]).catch(() =>
    runChecked(["cmp", `${directory}/out.root.qcow2`, `${directory}/disk.qcow2`])
  );
  await drey`image delete machine`;
}
