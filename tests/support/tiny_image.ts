// The smallest image that starts: a shell for init and a handful of the host's programs with their libraries. It is
// made in a second without a mirror, so that end-to-end tests need none, and not packed, since each test imports it anew.

import { runChecked } from "../../sys/run.ts";

/** What the tests run inside; whatever the host lacks is left out. */
const programs = [
  ...[
    "sh",
    "cat",
    "chmod",
    "chown",
    "cp",
    "date",
    "dd",
    "df",
    "echo",
    "env",
    "false",
    "grep",
    "head",
    "hostname",
  ],
  ...[
    "id",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mknod",
    "mount",
    "nproc",
    "ps",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "seq",
  ],
  ...["sleep", "sort", "stat", "stty", "tail", "test", "touch", "tr", "true", "tty", "umount", "uname", "wc"],
  ...["whoami", "yes", "ip", "unshare", "perl", "busybox", "socat"],
];

// the shell collects orphans while it waits, and a trap runs as soon as a signal ends the wait
const init = `#!/bin/sh
trap 'exit 0' PWR TERM INT USR2 RTMIN+3
mkdir -p /run /tmp
echo "tiny init started"
while :; do sleep 3600 & wait $!; done
`;

const files: Record<string, string> = {
  "etc/os-release": 'NAME="Tiny"\nID=tiny\nPRETTY_NAME="Tiny 1"\n',
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1\tlocalhost\n",
  // what busybox's DHCP client does with a lease
  "etc/udhcpc.sh": `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router" dev "$interface"
{ echo "search $domain"; for server in $dns; do echo "nameserver $server"; done; } >/etc/resolv.conf
`,
};

// $1… are programs; /usr is one tree, as on the host
const collect = `
mkdir -p rootfs/usr/bin rootfs/usr/sbin rootfs/usr/lib rootfs/usr/lib64
for dir in bin sbin lib lib64; do ln -s usr/$dir rootfs/$dir; done
for dir in dev etc home/user proc root run sys tmp var/tmp mnt; do mkdir -p rootfs/$dir; done
chmod 1777 rootfs/tmp rootfs/var/tmp; chmod 700 rootfs/root
for name; do
  path=$(command -v "$name" 2>/dev/null || true)
  for dir in /usr/bin /bin /usr/sbin /sbin; do [ -x "$path" ] || path=$dir/$name; done
  [ -x "$path" ] || continue
  cp -L "$path" rootfs/usr/bin/"$name"
  for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true); do
    mkdir -p "rootfs$(dirname "$library")"
    [ -e "rootfs$library" ] || cp -L "$library" "rootfs$library"
  done
done
chmod 755 init rootfs/etc/udhcpc.sh; cp init rootfs/usr/sbin/init
chown -R 1000:1000 rootfs/home/user 2>/dev/null || true
tar -c --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -f tiny.tar metadata.yaml rootfs
rm -rf rootfs init metadata.yaml`;

/**
 * Makes the image in a directory, perhaps with more programs of the host.
 *
 * @returns path of its one file, a unified tarball whose fingerprint is the same each time
 */
export async function makeTinyImage(dir: string, more: readonly string[] = []): Promise<string> {
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(`${dir}/init`, init);
  await Deno.writeTextFile(
    `${dir}/metadata.yaml`,
    `architecture: ${Deno.build.arch}\ncreation_date: 1700000000\nproperties:\n  os: Tiny\n  description: Tiny test image\n`,
  );
  for (const [path, content] of Object.entries(files)) {
    const target = `${dir}/rootfs/${path}`;
    await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(target, content);
  }
  await runChecked(["sh", "-euc", collect, "sh", ...programs, ...more], { cwd: dir });
  return `${dir}/tiny.tar`;
}
