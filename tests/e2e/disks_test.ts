// Disk devices: directories and files of the host inside an instance, from its start on or while it runs.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { cgroupHome } from "../support/leftovers.ts";
import { serve } from "../support/server.ts";
import { isPartial } from "../../sys/partial.ts";
import { exists, namesIn } from "../../sys/present.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** A directory of the caller's with a file in it. */
async function makeShare(drey: Drey): Promise<string> {
  const share = join(drey.directory, "share");
  await Deno.mkdir(join(share, "sub"), { recursive: true });
  await Deno.chmod(share, 0o755);
  await Deno.writeTextFile(join(share, "file"), "of the host\n");
  return share;
}

const mounts = (drey: Drey, name: string) => drey`exec ${name} -- cat /proc/self/mountinfo`;

await e2e(
  "a directory of the host is there from the start on, also where nothing was",
  { needs },
  async (drey) => {
    const share = await makeShare(drey);
    await drey`init tiny c1`;
    await drey`config device add c1 data disk source=${share} path=/srv/deep/data`;
    await drey`config device add c1 inner disk source=${join(share, "sub")} path=/srv/deep/data/sub`;
    await drey`config device add c1 one disk source=${join(share, "file")} path=/run/one readonly=true`;
    await drey`start c1`;
    assertEquals(await drey`exec c1 -- cat /srv/deep/data/file /run/one`, "of the host\nof the host\n");
    // the caller's files are nobody's inside, and may be read as everybody may
    assertEquals(await drey`exec c1 -- stat -c %u /srv/deep/data/file`, "65534\n");
    assertEquals((await drey.tries`exec c1 -- touch /srv/deep/data/new`).code, 1);
    assertMatch(await mounts(drey, "c1"), / \/srv\/deep\/data\/sub .*nodev/);
    assertMatch(await mounts(drey, "c1"), / \/run\/one ro,/);
    await drey`restart -f c1`;
    assertEquals(await drey`exec c1 -- cat /srv/deep/data/file`, "of the host\n");
  },
);

await e2e(
  "disks come and go while an instance runs, and the container cannot widen them",
  { needs },
  async (drey) => {
    const share = await makeShare(drey);
    await drey`launch tiny c1`;
    await drey`config device add c1 data disk source=${share} path=/srv/data readonly=true`;
    assertEquals(await drey`exec c1 -- cat /srv/data/file`, "of the host\n");
    const widened = await drey.tries`exec c1 -- mount -o remount,bind,rw /srv/data`;
    assert(widened.code !== 0, "a read-only disk stays read-only");
    assertMatch(await mounts(drey, "c1"), / \/srv\/data ro,/);
    await drey`config device set c1 data path /srv/other`;
    assertEquals(await drey`exec c1 -- ls /srv/data`, "");
    assertEquals(await drey`exec c1 -- cat /srv/other/file`, "of the host\n");
    await drey`config device remove c1 data`;
    assertEquals(await drey`exec c1 -- ls /srv/other`, "");
    // one that was there at the start goes in the same way
    await drey`config device add c1 data disk source=${share} path=/srv/data`;
    await drey`restart -f c1`;
    await drey`config device remove c1 data`;
    assertEquals(await drey`exec c1 -- ls /srv/data`, "");
    assert(!(await mounts(drey, "c1")).includes("/srv/"));
  },
);

await e2e(
  "raw.idmap makes the caller's files those of a user inside",
  { needs: [...needs, "user"] },
  async (drey) => {
    const share = await makeShare(drey);
    const [uid, gid] = [Deno.uid(), Deno.gid()];
    await drey.run(["init", "tiny", "c1", "-c", `raw.idmap=uid ${uid} 1000\ngid ${gid} 1000`]);
    await drey`config device add c1 home disk source=${share} path=/home/user`;
    await drey`start c1`;
    assertEquals(await drey`exec c1 -- stat -c ${"%u %g"} /home/user/file`, "1000 1000\n");
    await drey`exec c1 --user 1000 --group 1000 -- touch /home/user/made`;
    const { uid: owner, gid: group } = await Deno.stat(join(share, "made"));
    assertEquals([owner, group], [uid, gid], "outside it belongs to the caller");
    assertEquals(await drey`exec c1 -- stat -c ${"%u %g"} /root`, "0 0\n");
    await drey`stop -f c1`;
    // files belong to the ids of the first start
    const changed = await drey.tries`config unset c1 raw.idmap`;
    assertEquals(changed.code, 1);
    assertMatch(changed.stderr, /Cannot change raw.idmap/);
    // the image's files under its ids go with it, beside the commands that follow
    const trees = () =>
      namesIn(`${drey.directory}/storage-pools/default/images`).filter((name) => name !== "l");
    const isWhole = (name: string) => !isPartial(name);
    const before = trees().filter(isWhole).length;
    await drey`delete c1`;
    assertEquals(trees().filter(isWhole).length, before - 1);
    await eventually("what is removed beside is gone", () => trees().every(isWhole));
  },
);

await e2e("raw.idmap gives nobody ids that are not the caller's, nor makes the caller root", {
  needs: [...needs, "user"],
}, async (drey) => {
  const attempt = (value: string) => drey.run(["init", "tiny", "c1", "-c", `raw.idmap=${value}`]);
  const foreign = await attempt("both 1 1000");
  assertEquals(foreign.code, 1);
  assertMatch(foreign.stderr, /user id 1 of the host is not yours to give/);
  const root = await attempt(`both ${Deno.uid()} 0`);
  assertEquals(root.code, 1);
  assertMatch(root.stderr, /root of an instance stands for nobody outside/);
});

await e2e("a source that is missing, closed or another's link is refused, and a link is not followed twice", {
  needs: [...needs, "user"],
}, async (drey) => {
  const share = await makeShare(drey);
  await drey`init tiny c1`;
  const fails = async (source: string, reason: RegExp, ...more: string[]) => {
    await drey`config device add c1 data disk source=${source} path=/srv/data ${more}`;
    const { code, stderr } = await drey.tries`start c1`;
    assertEquals(code, 1, source);
    assertMatch(stderr, reason);
    await drey`config device remove c1 data`;
  };
  await fails(join(share, "none"), /does not exist/);
  await fails("/root", /you may not read/);
  await fails("/dev/null", /device node/);
  await fails("/dev", /other file systems are mounted below/);
  await drey`config device add c1 data disk source=${join(share, "none")} path=/srv/data required=false`;
  const started = await drey.tries`start c1`;
  assertEquals(started.code, 0);
  assertMatch(started.stderr, /the source of device "data" is not there/);
});

await e2e("links inside lead a disk no further than the container", { needs }, async (drey) => {
  const share = await makeShare(drey);
  await drey`launch tiny c1`;
  await drey`exec c1 -- ln -s ../../../../../../tmp /way`;
  await drey`config device add c1 data disk source=${share} path=/way/data`;
  assertEquals(await drey`exec c1 -- cat /tmp/data/file`, "of the host\n");
  await drey`restart -f c1`;
  assertEquals(await drey`exec c1 -- cat /tmp/data/file`, "of the host\n");
});

await e2e("what is wrong with a disk is said at once", { needs }, async (drey) => {
  await drey`init tiny c1`;
  const refused = async (reason: RegExp, ...keys: string[]) => {
    const { code, stderr } = await drey.run(["config", "device", "add", "c1", "d", "disk", ...keys]);
    assertEquals(code, 1, keys.join(" "));
    assertMatch(stderr, reason);
  };
  await refused(/lacks the key "source"/, "path=/x");
  await refused(/none to mount it at/, "path=.", "source=/tmp");
  await refused(/leads upwards/, "path=/a/../../b", "source=/tmp");
  await refused(/not an absolute path/, "path=/x", "source=tmp");
  await refused(/is not one of ro/, "path=/x", "source=/tmp", "raw.mount.options=dev");
  await refused(/not supported/, "path=/x", "source=/tmp", "propagation=rslave");
  // what only the start can find out; the clean-up that it starts waits for nobody, nor anybody for that
  await drey`config device add c1 d disk source=/tmp path=/sbin/init/d`;
  assertMatch((await drey.tries`start c1`).stderr, /open "\/sbin\/init\/d" in the instance: Not a directory/);
  const home = await cgroupHome(drey.directory);
  assertEquals(home !== undefined && exists(join(home, "supervisors")), false);
});

await e2e("root can shift the owners of a disk", { needs: [...needs, "root"] }, async (drey) => {
  const share = await makeShare(drey);
  await drey`launch tiny c1`;
  await drey`config device add c1 data disk source=${share} path=/srv/data shift=true`;
  assertEquals(await drey`exec c1 -- stat -c %u /srv/data/file`, "0\n");
  await drey`exec c1 -- touch /srv/data/made`;
  assertEquals((await Deno.stat(join(share, "made"))).uid, 0);
  await drey`restart -f c1`;
  assertEquals(await drey`exec c1 -- stat -c %u /srv/data/made`, "0\n");
  // whose directories they are may run what root of the host owns
  await drey`delete -f c1`;
  const only = "features.images=false restricted=true restricted.devices.disk=allow".split(" ");
  const limits = [...only, `restricted.devices.disk.paths=${share}`].flatMap((pair) => ["-c", pair]);
  await drey`project create confined ${limits}`;
  await drey`profile copy default default --target-project confined --refresh`;
  await drey`init tiny c2 --project confined --network none`;
  await drey`config device add c2 data disk source=${share} path=/srv/data shift=true --project confined`;
  assertMatch(
    (await drey.tries`start c2 --project confined`).stderr,
    /shift is not allowed in project "confined"/,
  );
  await drey`config device set c2 data shift=false --project confined`;
  await drey`start c2 --project confined`;
  await drey`delete -f c2 --project confined`;
  await drey`project delete confined`;
});

await e2e("a user is told why owners cannot be shifted", { needs: [...needs, "user"] }, async (drey) => {
  await drey`launch tiny c1`;
  const { code, stderr } = await drey
    .tries`config device add c1 d disk source=${drey.directory} path=/x shift=true`;
  assertEquals(code, 1);
  assertMatch(stderr, /shift needs root.*raw\.idmap/s);
});

await e2e("lxc adds and removes disks", { needs: [...needs, "lxc"] }, async (drey) => {
  const share = await makeShare(drey);
  await using server = await serve(drey);
  await server.lxc("launch", "tiny", "c1");
  await server.lxc("config", "device", "add", "c1", "data", "disk", `source=${share}`, "path=/srv/data");
  assertEquals(await server.lxc("exec", "c1", "--", "cat", "/srv/data/file"), "of the host\n");
  await server.lxc("config", "device", "remove", "c1", "data");
  assertEquals(await server.lxc("exec", "c1", "--", "ls", "/srv/data"), "");
});
