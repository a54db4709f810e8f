// Programs that read hostile archives, shut in: root of a map that owns nothing of the user's, and for a root
// directory a throw-away tmpfs with the host's programs and the one directory they work in, as /unpack.

import type { MappedRoot } from "../idmap/holder.ts";

// the directory may be below a home nobody else may enter, so it is bound as ".", uncanonicalised: mount(8) -c
const script = `
mount -t tmpfs -o mode=755,size=1m none /tmp
mkdir /tmp/usr /tmp/unpack
mount --rbind /usr /tmp/usr
for dir in bin sbin lib lib32 lib64 libx32; do
  if [ -L /$dir ]; then cp -P /$dir /tmp/$dir
  elif [ -d /$dir ]; then mkdir /tmp/$dir; mount --rbind /$dir /tmp/$dir; fi
done
mount -c --bind . /tmp/unpack
exec chroot /tmp "$@"`;

/** argv that runs a program in the jail; start it in the directory that shall be /unpack. */
export function jailed(mapped: MappedRoot, argv: readonly string[]): string[] {
  return mapped.command(["unshare", "-m", "sh", "-ec", script, "jail", ...argv]);
}
