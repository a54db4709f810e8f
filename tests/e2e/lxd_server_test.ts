// drey's command line against a real LXD over HTTPS, where one is installed. LXD's containers need more of a host than
// drey's: what is tried here is the API.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { run, runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { freePort } from "../support/server.ts";

interface Lxd extends AsyncDisposable {
  /** LXD's own client, on its socket */
  lxc(...argv: string[]): Promise<string>;
}

/** An LXD of its own, with a pool of directories. */
async function startLxd(): Promise<Lxd> {
  const directory = await Deno.makeTempDir({ prefix: "drey-lxd-" });
  const home = join(directory, "client");
  const env = { ...Deno.env.toObject(), LXD_DIR: directory, LXD_CONF: home, HOME: directory };
  const server = new Deno.Command("lxd", {
    args: ["--group", "root"],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const lxc = (...argv: string[]) => runChecked(["lxc", ...argv], { env });
  await runChecked(["lxd", "waitready", "--timeout", "60"], { env });
  await lxc("storage", "create", "default", "dir");
  await lxc("profile", "device", "add", "default", "root", "disk", "path=/", "pool=default");
  return {
    lxc,
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await server.status;
      const mounts = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) =>
        line.split(" ")[1]
      );
      for (const mount of mounts.toReversed()) {
        if (mount?.startsWith(directory)) await run(["umount", "-l", mount]);
      }
      await Deno.remove(directory, { recursive: true });
    },
  };
}

await e2e(
  "drey's command line leads an LXD",
  { needs: ["root", "lxd", "lxc"], images: [] },
  async (drey: Drey) => {
    await using lxd = await startLxd();
    const address = `127.0.0.1:${freePort()}`;
    await lxd.lxc("config", "set", `core.https_address=${address}`);
    const token = (await lxd.lxc("config", "trust", "add", "--name", "drey")).trim().split("\n").at(-1) ?? "";
    await drey`remote add real ${token}`;
    assertMatch(await drey`version real:`, /^Server version: 5\./m);
    assertMatch(await drey`config trust list real:`, /\| drey /);
    assertEquals(await drey`config get real: core.https_address`, `${address}\n`);
    await drey`config set real: user.x=1`;
    assertMatch(await drey`config show real:`, /user\.x: '1'/);
    await drey`image import ${await imageFiles("tiny")} real: --alias tiny`;
    assertMatch(await drey`image list real:`, /tiny/);
    await drey`init real:tiny real:c1`;
    await drey`config set real:c1 user.team=web`;
    assertEquals((await lxd.lxc("config", "get", "c1", "user.team")).trim(), "web");
    await drey`profile create real:p1`;
    await drey`profile assign real:c1 default,p1`;
    await drey`file push ${import.meta.filename ?? ""} real:c1/root/pushed`;
    assertMatch(await drey`file pull real:c1/root/pushed -`, /drey's command line leads an LXD/);
    assertEquals(JSON.parse(await drey`list real: --format json`)[0].status, "Stopped");
    await drey`rename real:c1 real:c2`;
    await drey`delete -f real:c2`;
    assertEquals(await drey`query real:/1.0/instances`, "[]\n");
  },
);
