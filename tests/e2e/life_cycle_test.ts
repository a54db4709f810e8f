// The life of an instance, from launch to delete, as a person types it.

import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";

await e2e("a container sees its own init as PID 1", { needs: ["userns", "subids"] }, async (drey) => {
  await drey`launch tiny c1`;
  assertMatch(await drey`exec c1 -- cat /proc/1/cmdline`, /init/);
  assertEquals(await drey`exec c1 -- hostname`, "c1\n");
});

await e2e("exec passes on the exit status of the command", { needs: ["userns", "subids"] }, async (drey) => {
  await drey`launch tiny c1`;
  assertEquals((await drey.tries`exec c1 -- sh -c ${"exit 42"}`).code, 42);
  assertEquals((await drey.tries`exec c1 -- no-such-program`).code, 127);
  assertEquals((await drey.tries`exec c1 -- /etc/passwd`).code, 126);
});

await e2e(
  "an instance stops, starts, restarts and is deleted",
  { needs: ["userns", "subids"] },
  async (drey) => {
    const status = async () => JSON.parse(await drey`list c1 --format json`)[0]?.status;
    await drey`init tiny c1`;
    assertEquals(await status(), "Stopped");
    await drey`start c1`;
    assertEquals(await status(), "Running");
    await drey`exec c1 -- touch /root/kept`;
    await drey`restart -f c1`;
    assertEquals(await drey`exec c1 -- ls /root`, "kept\n");
    await drey`stop -f c1`;
    assertEquals(await status(), "Stopped");
    await drey`delete c1`;
    assertEquals(await status(), undefined);
  },
);

await e2e(
  "what runs is found from another session of the user, also from none",
  { needs: ["userns", "subids", "user"] },
  async (drey) => {
    const [session, data] = [`${drey.directory}/session`, `${drey.directory}/data`];
    for (const path of [session, data]) await Deno.mkdir(path);
    await Deno.symlink(drey.directory, `${data}/drey`);
    await Deno.remove(`${drey.directory}/run`, { recursive: true });
    const from = async (XDG_RUNTIME_DIR: string, ...argv: string[]) => {
      const env = { DREY_DIR: "", XDG_DATA_HOME: data, XDG_RUNTIME_DIR };
      const { stdout, stderr } = await drey.run(argv, { env });
      return stdout + stderr;
    };
    assertMatch(await from(session, "launch", "tiny", "c1"), /Starting c1/);
    for (const other of ["", "/run/user/0", `${drey.directory}`]) {
      assertEquals(await from(other, "list", "-c", "ns", "-f", "csv"), "c1,RUNNING\n");
      assertMatch(await from(other, "start", "c1"), /already running/);
    }
    assertEquals(await from("", "delete", "-f", "c1"), "");
  },
);

await e2e("a running instance is not deleted by accident", { needs: ["userns", "subids"] }, async (drey) => {
  await drey`launch tiny c1`;
  const { code, stderr } = await drey.tries`delete c1`;
  assertEquals(code, 1);
  assertMatch(stderr, /running/i);
});

await e2e(
  "Debian boots to the end",
  { needs: ["userns", "subids", "debian"], images: ["debian"] },
  async (drey) => {
    await drey`launch debian web`;
    assertMatch(await drey`exec web -- cat /etc/os-release`, /Debian GNU\/Linux 12/);
    // asked before systemd listens, systemctl fails at once
    const wait =
      "until systemctl show-environment >/dev/null 2>&1; do sleep 0.1; done; systemctl is-system-running --wait";
    const { stdout } = await drey.tries`exec web -- sh -c ${wait}`;
    assertEquals(stdout, "running\n");
    assertMatch(
      await drey`exec web -- resolvectl llmnr`,
      /Global: no/,
      "a name that is not there is waited for",
    );
    await drey`stop web`;
  },
);
