// Images of public servers, asked for by LXD's own client and by drey.

import { assert, assertEquals, assertStringIncludes } from "@std/testing";
import type { Drey } from "../support/drey.ts";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import {
  type ImageServer,
  type ImageServerOptions,
  makeCertificate,
  serveImages,
} from "../support/image_server.ts";
import { serve } from "../support/server.ts";
import { startWebProxy } from "../support/web_proxy.ts";

/** A server whose images the drey of a test may ask for. */
async function withImages(
  drey: Drey,
  options: ImageServerOptions,
  test: (server: ImageServer) => Promise<void>,
): Promise<void> {
  await using server = await serveImages(`${drey.directory}/served`, options);
  await test(server);
}

/** `drey launch` of an image somebody serves, as the API takes it. */
const create = (server: string, name: string, alias = "tiny/1") =>
  JSON.stringify({ name, start: true, source: { type: "image", protocol: "simplestreams", server, alias } });

const launch = (drey: Drey, server: ImageServer, name: string, alias?: string) =>
  drey.run([
    "query",
    "--wait",
    "--request",
    "POST",
    "/1.0/instances",
    "--data",
    create(server.address, name, alias),
  ]);

const needs = ["userns", "subids", "overlay"] as const;

await e2e(
  "a server's image is downloaded, verified, launched and kept",
  { needs, images: [] },
  async (drey) => {
    await withImages(drey, {}, async (server) => {
      const { code, stderr } = await launch(drey, server, "c1");
      assertEquals(code, 0, stderr);
      assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260101_05:24");
      const [image] = JSON.parse(await drey`image list --format json`);
      assertEquals(image.fingerprint, server.images[0]?.fingerprint);
      assertEquals([image.cached, image.properties.os, image.properties.type], [true, "Tiny", "squashfs"]);
      assertEquals(image.update_source.alias, "tiny/1");
      const before = server.sent;
      await launch(drey, server, "c2");
      assertEquals(server.sent, before, "the second launch downloads nothing");
      assertEquals(server.requests.filter((line) => line.includes("index.json")).length, 1);

      // the same by a name that only a proxy knows
      await drey`delete --force c1 c2`;
      await drey`image delete ${image.fingerprint}`;
      await using proxy = startWebProxy(server.address);
      await drey`config set core.proxy_http=${proxy.address}`;
      await drey`remote add near http://elsewhere.test --protocol simplestreams`;
      await drey`remote set-url near images.test`;
      assertStringIncludes(await drey`remote list --format csv`, "near,https://images.test,");
      await drey`remote set-url near http://images.test`;
      await drey`image copy near:tiny/1 local:`;
      assert(proxy.asked.length >= 4);
      assertEquals(proxy.asked.filter((url) => !url.startsWith("http://images.test/")), []);
    });
  },
);

await e2e("two launches of one missing image download it once", { needs, images: [] }, async (drey) => {
  await withImages(drey, { kinds: ["root.tar.xz"], padding: 3_000_000 }, async (server) => {
    await Promise.all([launch(drey, server, "c1"), launch(drey, server, "c2")]);
    assertEquals((await drey`list --format csv --columns n`).trim().split("\n").sort(), ["c1", "c2"]);
    const gets = server.requests.filter((line) => line.includes("rootfs.tar.xz"));
    assertEquals(gets, ["GET /images/tiny/20260101_05:24/rootfs.tar.xz 200"]);
  });
});

await e2e("a download that was killed goes on from the byte it had", { needs, images: [] }, async (drey) => {
  await withImages(drey, { kinds: ["root.tar.xz"], padding: 3_000_000 }, async (server) => {
    // every answer for the file is slow enough to be killed in the middle: the first breaks off, the next ones are 503
    server.mishaps.set("rootfs.tar.xz", [
      { cutAfter: 2_000_000 },
      ...Array.from({ length: 4 }, () => ({ status: 503, retryAfter: "30" })),
    ]);
    const argv = [
      "query",
      "--wait",
      "--request",
      "POST",
      "/1.0/instances",
      "--data",
      create(server.address, "c1"),
    ];
    const child = drey.spawn(argv, { stdout: "null", stderr: "null" });
    await eventually(
      "the server has sent it away",
      () => server.requests.some((line) => line.includes(" 503")),
      50,
    );
    const refused = server.requests.find((line) => line.includes("503"));
    server.requests.length = 0;
    server.mishaps.clear();
    child.kill("SIGKILL");
    await child.status;
    await launch(drey, server, "c1");
    assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260101_05:24");
    assertStringIncludes(refused ?? "", "503");
    const [range] = server.requests.filter((line) => line.includes("rootfs.tar.xz"));
    assertStringIncludes(range ?? "", "206 bytes=");
    assert(Number(range?.split("bytes=")[1]?.replace("-", "")) > 1_000_000);
  });
});

await e2e(
  "a file with another hash is refused, and nothing of it stays",
  { needs, images: [] },
  async (drey) => {
    await withImages(drey, {}, async (server) => {
      server.mishaps.set("rootfs.squashfs", [{ spoilt: true }, { spoilt: true }]);
      const { stdout, stderr } = await launch(drey, server, "c1");
      assertStringIncludes(stdout + stderr, "rootfs.squashfs");
      assertEquals(JSON.parse(await drey`image list --format json`), []);
      assertEquals(JSON.parse(await drey`list --format json`), []);
      assertEquals([...Deno.readDirSync(`${drey.directory}/storage-pools/default/images`)], []);
    });
  },
);

await e2e(
  "mirrors of a server are asked in their order, and a download that is cut goes on",
  { needs, images: [] },
  async (drey) => {
    await withImages(drey, { kinds: ["root.tar.xz"], padding: 1_000_000 }, async (server) => {
      await drey`remote add mine http://127.0.0.1:9,${server.address} --protocol simplestreams`;
      server.mishaps.set("rootfs.tar.xz", [{ cutAfter: 500_000 }]);
      await drey`launch mine:tiny/1 c1`;
      assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260101_05:24");
      const [image] = JSON.parse(await drey`image list --format json`);
      assertEquals(image.update_source.server, `http://127.0.0.1:9,${server.address}`);
      // it was unpacked while it came, the second part in another request
      const unpacked = [...Deno.readDirSync(`${drey.directory}/storage-pools/default/images`)];
      assertEquals(unpacked.map(({ name }) => name.slice(0, 64)), [image.fingerprint]);
    });
  },
);

await e2e(
  "a newer version is made of the one that is here and a delta, and downloaded whole where that fails",
  { needs: [...needs, "xdelta3"], images: [] },
  async (drey) => {
    await withImages(drey, { kinds: ["squashfs"] }, async (server) => {
      await drey`remote add mine ${server.address} --protocol simplestreams`;
      await drey`image copy mine:tiny/1 local: --alias own`;
      const gets = (serial: string) => server.requests.filter((line) => line.includes(`/${serial}/`));
      const update = async (serial: string, deltaOf: string) => {
        await server.publish(serial, { deltaOf });
        await drey`image refresh own`;
        const [image] = JSON.parse(await drey`image list own --format json`);
        assertEquals(image.fingerprint, server.images.at(-1)?.fingerprint);
        return gets(serial).map((line) => line.split(" ")[1]?.split("/").at(-1)).toSorted();
      };
      assertEquals(await update("20260102_05:24", "20260101_05:24"), ["delta.vcdiff", "lxd.tar.xz"]);
      server.mishaps.set("delta.vcdiff", [{ spoilt: true }, { spoilt: true }]);
      const asked = await update("20260103_05:24", "20260102_05:24");
      assertEquals(asked, ["delta.vcdiff", "delta.vcdiff", "lxd.tar.xz", "rootfs.squashfs"]);
      await drey`launch own c1`;
      assertStringIncludes(await drey`exec c1 -- cat /etc/serial`, "20260103_05:24");
    });
  },
);

await e2e("an image that is here is used while its server is away", { needs, images: [] }, async (drey) => {
  let address = "";
  await withImages(drey, {}, async (server) => {
    address = server.address;
    assertEquals((await launch(drey, server, "c1")).code, 0);
  });
  await Deno.remove(`${drey.directory}/catalogs`, { recursive: true });
  const body = create(address, "c2");
  await drey.run(["query", "--wait", "--request", "POST", "/1.0/instances", "--data", body]);
  assertStringIncludes(await drey`exec c2 -- cat /etc/serial`, "20260101_05:24");
});

await e2e(
  "lxc lists, launches and copies images of a simplestreams remote",
  { needs: [...needs, "lxc"], images: [] },
  async (drey) => {
    const tls = await makeCertificate(`${drey.directory}/tls`);
    Deno.env.set("DENO_CERT", tls.ca);
    Deno.env.set("SSL_CERT_FILE", tls.ca);
    try {
      const pem = { cert: await Deno.readTextFile(tls.cert), key: await Deno.readTextFile(tls.key) };
      await withImages(drey, { tls: pem }, async (server) => {
        await using daemon = await serve(drey);
        await daemon.lxc("remote", "add", "mine", server.address, "--protocol", "simplestreams", "--public");
        assertStringIncludes(await daemon.lxc("image", "list", "mine:"), "tiny/1");
        await daemon.lxc("launch", "mine:tiny/1", "c1");
        assertStringIncludes(await daemon.lxc("exec", "c1", "--", "cat", "/etc/serial"), "20260101_05:24");
        await daemon.lxc("image", "copy", "mine:tiny/one", "local:", "--alias", "own", "--auto-update");
        const image = await daemon.lxc("image", "info", "own");
        assertStringIncludes(image, "Auto update: enabled");
        assertStringIncludes(image, "Protocol: simplestreams");
        await daemon.lxc("launch", "own", "c2");
      });
    } finally {
      Deno.env.delete("DENO_CERT");
      Deno.env.delete("SSL_CERT_FILE");
    }
  },
);
