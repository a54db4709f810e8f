// Two users of one machine: root, and the one that root's run of the suite has made.

import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { run, runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { dhcp, ipv4Of, pings, reaches, udhcpc } from "../support/network.ts";

const home = "/home/drey-test";

/** A drey of the test user, with the image tiny. */
async function otherDrey(): Promise<Pick<Drey, "run"> & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ dir: home, prefix: "other-" });
  const [image = ""] = await imageFiles("tiny");
  await Deno.copyFile(image, join(directory, "tiny.tar"));
  await runChecked(["chown", "-R", "drey-test:", directory]);
  const env = {
    HOME: home,
    PATH: Deno.env.get("PATH") ?? "",
    DENO_DIR: join(home, ".cache", "deno"),
    DREY_DIR: join(directory, "drey"),
  };
  const user = ["setpriv", "--reuid=drey-test", "--regid=drey-test", "--init-groups", "--"];
  const program = [join(home, ".cache/bin/deno"), "run", "-A", "--quiet", join(home, "drey/cli.ts")];
  const other = {
    run: (argv: readonly string[]) => run([...user, ...program, ...argv], { env, cwd: directory }),
    async [Symbol.asyncDispose]() {
      await other.run(["delete", "--force", "same", "other"]);
      await other.run(["image", "delete", "tiny"]);
      await Deno.remove(directory, { recursive: true });
    },
  };
  const imported = await other.run(["image", "import", join(directory, "tiny.tar"), "--alias", "tiny"]);
  assertEquals(imported.code, 0, imported.stderr);
  return other;
}

await e2e("two users have instances of one name, and neither finds those of the other", {
  needs: ["subids", "network", "root", "test-user"],
}, async (drey) => {
  await using other = await otherDrey();
  const others = { ...drey, run: other.run } as Drey;
  for (const name of ["same", "own"]) await drey`launch tiny ${name}`;
  await dhcp(drey, "same", "own");
  for (const name of ["same", "other"]) {
    const launched = await other.run(["launch", "tiny", name]);
    assertEquals(launched.code, 0, launched.stderr);
    assertEquals((await other.run(["exec", name, "--", ...udhcpc()])).code, 0);
  }
  await reaches(drey, "same", "own");
  await reaches(others, "same", "other");
  assertEquals(await pings(drey, "same", "other"), false, "root does not find a user's");
  assertEquals(await pings(others, "same", "own"), false, "a user does not find root's");
  assertEquals(await pings(others, "same", "own.drey"), false, "by no name");
  const state = await other.run(["query", "/1.0/instances/other/state"]);
  const address = JSON.parse(state.stdout).network.eth0.addresses[0].address;
  assertEquals(
    await pings(drey, "same", address),
    false,
    "root's instances do not reach into the user's hub",
  );
  assertEquals(
    await pings(others, "other", await ipv4Of(drey, "own")),
    false,
    "and a user's not into root's",
  );
});
