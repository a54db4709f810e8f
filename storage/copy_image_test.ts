import { assertEquals } from "@std/testing";
import { runChecked } from "../sys/run.ts";
import { copyImage } from "./copy_image.ts";

Deno.test("copyImage() makes one tree of layers, without what the upper ones hide", async () => {
  const dir = await Deno.makeTempDir();
  // as root of a namespace, where anybody may make whiteouts
  const argv = (command: readonly string[]) => ["unshare", "-Ur", ...command];
  const hands = {
    run: async (command: readonly string[]) => void await runChecked(argv(command)),
    output: (command: readonly string[]) => runChecked(argv(command)),
    own: () => Promise.resolve(),
    isOpen: () => Promise.resolve(false),
    heir: () => Promise.resolve(undefined),
  };
  const make = `mkdir -p image/rootfs l/b/fs/etc l/a/fs/etc l/a/fs/kept l/b/fs/kept l/a/fs/shape
    echo low >l/a/fs/etc/low; echo gone >l/a/fs/etc/gone; echo old >l/a/fs/kept/old; echo s >l/a/fs/shape/s
    mknod l/b/fs/etc/gone c 0 0; echo new >l/b/fs/kept/new; echo file >l/b/fs/shape
    perl -e 'my ($d, $n, $v) = ("l/b/fs/kept", "user.overlay.opaque", "y"); syscall(${
    Deno.build.arch === "x86_64" ? 188 : 5
  }, $d, $n, $v, 1, 0) == 0 or die'
    printf '../l/b/fs\\n../l/a/fs\\n' >image/layers`;
  await runChecked(argv(["sh", "-euc", make]), { cwd: dir });
  await copyImage(hands, `${dir}/image/rootfs`, `${dir}/copy`);
  const list = await runChecked(["sh", "-c", "find . -type f -o -type c | sort; cat shape"], {
    cwd: `${dir}/copy`,
  });
  assertEquals(list, "./etc/low\n./kept/new\n./shape\nfile\n");
  await Deno.remove(dir, { recursive: true });
});
