// Device nodes of the host in containers: those that everybody may open for a user, any for root.

import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

await e2e(
  "nodes of the host are in a container from its start on, and come and go",
  { needs },
  async (drey) => {
    await drey`init tiny c1`;
    await drey`config device add c1 zero unix-char source=/dev/zero path=/dev/deep/nought`;
    await drey`config device add c1 lost unix-char source=/dev/there-is-none required=false`;
    const started = await drey.tries`start c1`;
    assertEquals(started.code, 0, started.stderr);
    assertMatch(started.stderr, /nothing is there for device "lost"/);
    const shell = (script: string) => drey.tries`exec c1 -- sh -c ${script}`;
    assertEquals((await shell("head -c 3 /dev/deep/nought | wc -c")).stdout.trim(), "3");

    await drey`config device add c1 full unix-char path=/dev/full2 source=/dev/full`;
    const full = await shell("head -c 1 /dev/zero >/dev/full2");
    assertMatch(full.stderr, /No space left/);
    await drey`config device set c1 full path=/dev/full3`;
    assertEquals((await shell("ls /dev | grep full")).stdout, "full\nfull3\n");
    await drey`config device remove c1 full`;
    await drey`config device remove c1 zero`;
    // what else is at the path of a node that goes stays: every container's own, and another device's
    await drey`config device add c1 null unix-char source=/dev/null`;
    await drey`config device add c1 first unix-char source=/dev/zero path=/dev/both`;
    await drey`config device add c1 second unix-char source=/dev/zero path=/dev/both`;
    await drey`config device remove c1 null second`;
    assertEquals((await shell("test -c /dev/null && head -c 3 /dev/both | wc -c")).stdout.trim(), "3");
    await drey`config device remove c1 first`;
    assertEquals((await shell("ls /dev /dev/deep | grep -E 'full[23]|nought|both'")).stdout, "");

    const wrong = await drey.tries`config device add c1 wrong unix-block source=/dev/zero`;
    assertMatch(wrong.stderr, /"\/dev\/zero" is a character device/);
    const absent = await drey.tries`config device add c1 absent unix-char path=/dev/there-is-none`;
    assertMatch(absent.stderr, /is no device node of the host/);
    const gpu = await drey.tries`config device add c1 card gpu vendorid=ffff`;
    assertMatch(gpu.stderr, /has no such graphics card/);
    const usb = await drey.tries`config device add c1 stick usb vendorid=ffff required=true`;
    assertMatch(usb.stderr, /no such USB device is plugged in/);
    assertEquals(JSON.parse(await drey`list --format json`)[0].devices.wrong, undefined);
  },
);

await e2e(
  "a user's container has no node that the user's group alone may open, and none of another owner",
  { needs: [...needs, "user"] },
  async (drey) => {
    await drey`launch tiny c1`;
    const closed = await drey.tries`config device add c1 loop unix-char path=/dev/loop-control`;
    assertMatch(closed.stderr, /nobody in the container is either.*chmod o\+rw/s);
    const owned = await drey.tries`config device add c1 zero unix-char path=/dev/zero mode=0600`;
    assertMatch(owned.stderr, /the key "mode" needs root/);
    const other = await drey.tries`config device add c1 zero unix-char path=/dev/zero major=1 minor=9`;
    assertMatch(other.stderr, /a node 1:9, which "\/dev\/zero" is not, needs root/);
  },
);

await e2e(
  "root makes nodes with owners inside, of what the host has a node for and of what not",
  { needs: [...needs, "root"] },
  async (drey) => {
    await drey`init tiny c1`;
    await drey`config device add c1 zero unix-char source=/dev/zero path=/dev/mine uid=5 gid=6 mode=0640`;
    await drey`config device add c1 disk unix-block path=/dev/disk0 major=7 minor=300`;
    await drey`start c1`;
    const stat = async (path: string) => await drey`exec c1 -- stat -c ${"%F %a %u:%g %t:%T"} ${path}`;
    assertEquals(await stat("/dev/mine"), "character special file 640 5:6 1:5\n");
    assertEquals(await stat("/dev/disk0"), "block special file 660 0:0 7:12c\n");
    assertEquals((await drey`exec c1 -- sh -c ${"head -c 3 /dev/mine | wc -c"}`).trim(), "3");
    await drey`config device add c1 late unix-char source=/dev/full path=/dev/late mode=0600`;
    assertEquals(await stat("/dev/late"), "character special file 600 0:0 1:7\n");
    assertMatch(
      (await drey.tries`exec c1 -- sh -c ${"head -c 1 /dev/zero >/dev/late"}`).stderr,
      /No space left/,
    );
    await drey`config device remove c1 late`;
    assertEquals((await drey.tries`exec c1 -- test -e /dev/late`).code, 1);
    await drey`restart -f c1`;
    assertEquals(await stat("/dev/mine"), "character special file 640 5:6 1:5\n");
  },
);

await e2e("lxc gives a container nodes of the host", { needs: [...needs, "lxc"] }, async (drey) => {
  await drey`launch tiny c1`;
  await using server = await serve(drey);
  const { lxc } = server;
  await lxc("config", "device", "add", "c1", "zero", "unix-char", "source=/dev/zero", "path=/dev/nought");
  assertEquals((await lxc("exec", "c1", "--", "sh", "-c", "head -c 3 /dev/nought | wc -c")).trim(), "3");
  await lxc("config", "device", "remove", "c1", "zero");
});
