// A node of /dev/net/tun that the test user may open, as most systems have it.

import { run } from "../../sys/run.ts";

const node = "/dev/net/tun";

// the file system of the new node is gone with the namespace, and nobody outside finds it
const script = `mount -t tmpfs -o mode=0700 drey-test /mnt
mknod -m 0666 /mnt/tun c 10 200
mount --bind /mnt/tun ${node}
umount -l /mnt
: <>${node}
exec "$@"`;

/**
 * argv before a program that shall have such a node. Where it is root's alone it stays so for everybody else: the other
 * one is mounted over it in a mount namespace of the program's own. Empty, with the reason told, where that cannot be.
 */
export async function openTun(): Promise<string[]> {
  const facts = await Deno.stat(node).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (facts === undefined) {
    console.log(`The host has no ${node}: tests that need one are skipped`);
    return [];
  }
  if (((facts.mode ?? 0) & 0o006) === 0o006) return [];
  const argv = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "tun"];
  const { code, stderr } = await run([...argv, "true"]);
  if (code === 0) return argv;
  console.log(`Cannot open ${node} to the test user, tests that need it are skipped: ${stderr.trim()}`);
  return [];
}
