// One life in a storage pool of every driver that this host has, through drey, and the same through LXD's client.

import { assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { missingTools } from "../../domain/host_packages.ts";
import { type Drey, e2e } from "../support/drey.ts";
import type { Need } from "../support/needs.ts";
import { serve } from "../support/server.ts";

interface Kind {
  name: string;
  needs: readonly Need[];
  driver: string;
  /** settings of a new pool; what they name is there from then on */
  settings(): Promise<string[]>;
  /** holds what is left of a deleted pool against what should be */
  gone(drey: Drey, settings: readonly string[]): Promise<void>;
}

const nothing = () => Promise.resolve([]);

/** Nothing is left of a pool in a file of drey's own. */
function fileIsGone(drey: Drey): Promise<void> {
  assertEquals([...Deno.readDirSync(join(drey.directory, "disks"))], []);
  return Promise.resolve();
}

const ground = Deno.env.get("DREY_TEST_BTRFS");
const hasBtrfs = missingTools(["btrfs"]).length === 0;

const kinds: readonly Kind[] = [
  {
    name: "a directory",
    needs: ["overlay"],
    driver: "dir",
    settings: nothing,
    gone: () => Promise.resolve(),
  },
  ...(hasBtrfs && ground !== undefined
    ? [{
      name: "a mounted btrfs",
      needs: ["user"] as const,
      driver: "btrfs",
      settings: async () => [`source=${await Deno.makeTempDir({ dir: ground })}`],
      gone: async (_: Drey, [source = ""]: readonly string[]) =>
        await Deno.remove(source.slice("source=".length)), // fails unless it is empty
    }]
    : []),
  ...(hasBtrfs
    ? [{
      name: "a btrfs in a file",
      needs: ["root"] as const,
      driver: "btrfs",
      settings: () => Promise.resolve(["size=400MiB"]),
      gone: fileIsGone,
    }]
    : []),
  {
    name: "logical volumes in a file",
    needs: ["lvm"],
    driver: "lvm",
    settings: () => {
      const group = `drey-${crypto.randomUUID().slice(0, 8)}`;
      return Promise.resolve(["size=2GiB", `lvm.vg_name=${group}`, "volume.size=400MiB"]);
    },
    gone: fileIsGone,
  },
];

/** Who is driven: by its words, which drey and LXD's client share. */
type Client = (...argv: string[]) => Promise<string>;

const sh = (script: string) => ["--", "sh", "-c", script];

/** Launch, snapshots of a running and a stopped instance, restore, copies, a move, backups, deletion. */
async function live(client: Client, { pool, driver, file }: { pool: string; driver: string; file: string }) {
  await client("launch", "tiny", "c1", "-s", pool);
  await client("storage", "volume", "create", pool, "data");
  await client("storage", "volume", "attach", pool, "data", "c1", "/srv");
  await client("exec", "c1", ...sh("echo one >/root/f; echo kept >/srv/v; chown 7:8 /srv/v"));
  await client("snapshot", "c1", "running");
  await client("storage", "volume", "snapshot", pool, "data", "s0");
  await client("exec", "c1", ...sh("echo two >/root/f; rm /etc/hosts; echo lost >/srv/v"));
  await client("stop", "-f", "c1");
  await client("snapshot", "c1", "stopped");
  await client("restore", "c1", "running");
  await client("storage", "volume", "restore", pool, "data", "s0");
  await client("start", "c1");
  const look = "cat /root/f /srv/v; stat -c '%u %g' /srv/v; stat -c '%u %g %a' /usr/bin/cat /tmp";
  assertEquals(await client("exec", "c1", ...sh(look)), "one\nkept\n7 8\n0 0 755\n0 0 1777\n");

  await client("copy", "c1/stopped", "c2");
  await client("copy", "c1", "c3");
  assertEquals(await client("file", "pull", "c2/root/f", "-"), "two\n");
  await client("storage", "volume", "copy", `${pool}/data`, "default/other");
  await client("storage", "volume", "move", "default/other", `${pool}/moved`);
  await client("move", "c3", "c4", "-s", "default");
  await client("restore", "c4", "stopped");
  await client("config", "device", "remove", "c4", "data");
  await client("storage", "volume", "attach", pool, "moved", "c4", "/srv");
  await client("start", "c4");
  assertEquals(
    await client("exec", "c4", ...sh("cat /root/f /srv/v; ls /etc/hosts 2>&1 | wc -l")),
    "two\nkept\n1\n",
  );
  await client("stop", "-f", "c4");

  await client("export", "c4", file, "--compression=none");
  await client("import", file, "c5", "-s", pool);
  await client("restore", "c5", "running");
  assertEquals(await client("file", "pull", "c5/root/f", "-"), "one\n");
  await client("storage", "volume", "export", pool, "data", file, "--compression=none");
  await client("storage", "volume", "import", pool, file, "again");
  const listed = await client("storage", "volume", "list", pool, "-f", "csv");
  for (const name of ["data", "data/s0", "moved", "moved/s0", "again", "again/s0"]) {
    assertMatch(listed, new RegExp(`^custom[^,]*,${name},`, "m"));
  }
  assertMatch(await client("storage", "info", pool), new RegExp(`driver: ${driver}`));
  assertMatch(await client("storage", "volume", "info", pool, "data"), /Usage: /);
  await client("delete", "c1/running");
  await client("delete", "-f", "c1", "c2", "c4", "c5");
  for (const name of ["data", "moved", "again"]) await client("storage", "volume", "delete", pool, name);
  await client("storage", "delete", pool);
}

/** The database is lost; what lies in the pool comes back. */
async function recover(drey: Drey, pool: string): Promise<void> {
  await drey`init tiny c1 --storage ${pool}`;
  await drey`storage volume create ${pool} data`;
  await drey`snapshot c1 s0`;
  await drey.run(["file", "push", "-", "c1/root/f"], { stdin: "kept" });
  await Deno.remove(join(drey.directory, "database"), { recursive: true });
  assertMatch(await drey`recover --yes`, /^Recovered: (c1, data|data, c1)$/m);
  assertEquals(await drey`file pull c1/root/f -`, "kept");
  await drey`restore c1 s0`;
  assertEquals((await drey.tries`file pull c1/root/f -`).code, 1);
  await drey`delete c1`;
  await drey`storage volume delete ${pool} data`;
  await drey`storage delete ${pool}`;
}

for (const { name, needs, driver, settings, gone } of kinds) {
  const withPool = async (drey: Drey, work: () => Promise<void>) => {
    const given = await settings();
    await drey`storage create p ${driver} ${given}`;
    await work();
    await gone(drey, given);
  };

  await e2e(`instances and volumes live in ${name}`, { needs: ["userns", ...needs] }, async (drey) => {
    const client: Client = async (...argv) => await drey`${argv}`;
    await withPool(drey, () => live(client, { pool: "p", driver, file: join(drey.directory, "out.tar") }));
    await withPool(drey, () => recover(drey, "p"));
  });

  await e2e(`they live in ${name} through lxc`, { needs: ["userns", "lxc", ...needs] }, async (drey) => {
    await using server = await serve(drey);
    await withPool(
      drey,
      () => live(server.lxc, { pool: "p", driver, file: join(drey.directory, "out.tar") }),
    );
  });
}
