import { assertEquals, assertThrows } from "@std/testing";
import { join } from "@std/path";
import { closeFd, O_RDONLY, openBelow, rereadFd } from "./descriptors.ts";
import { checked, cString, libc, SysError } from "./libc.ts";
import { spawn } from "./run.ts";

Deno.test("openBelow() follows links as if the directory were the root", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "etc"));
    await Deno.writeTextFile(join(root, "etc/passwd"), "inside");
    await Deno.symlink("/etc/passwd", join(root, "absolute"));
    await Deno.symlink("../../../../../../../etc/passwd", join(root, "upwards"));
    await Deno.symlink("/etc/hostname", join(root, "missing"));
    await Deno.symlink("/proc/self/fd/0", join(root, "magic"));
    for (const path of ["etc/passwd", "absolute", "upwards", "/etc/passwd"]) {
      const fd = openBelow(root, path, O_RDONLY);
      assertEquals(rereadFd(fd), "inside");
      closeFd(fd);
    }
    for (const path of ["missing", "magic"]) {
      assertThrows(() => openBelow(root, path, O_RDONLY), SysError, "ENOENT");
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("openBelow() goes up on its way while others rename files of their own", async () => {
  const root = await Deno.makeTempDir();
  const renaming = spawn(["perl", "-e", "open F, '>', 'a'; rename 'a', 'b' and rename 'b', 'a' while 1"], {
    cwd: root,
  });
  try {
    await Deno.mkdir(join(root, "etc"));
    await Deno.symlink("../../../../../etc", join(root, "upwards"));
    for (let times = 0; times < 2000; times++) closeFd(openBelow(root, "upwards", O_RDONLY));
  } finally {
    renaming.kill("SIGKILL");
    await renaming.status;
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("errno of a call is its own, whatever the engine calls before it is looked at", () => {
  const failed = libc.open(cString("/no/such/file"), O_RDONLY, 0);
  assertThrows(() => Deno.openSync("/", { write: true })); // leaves EISDIR
  assertThrows(() => checked(failed, "open(2)", "it"), SysError, "ENOENT");
});
