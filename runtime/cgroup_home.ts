// Where a user may make cgroups: the mount of cgroup v2, drey's own place in it, the highest directory that is the
// user's to divide; cgroups(7).

export interface CgroupFacts {
  uid: number;
  /** where the cgroup2 file system is mounted; absent on a pure v1 host */
  mount: string | undefined;
  /** drey's own cgroup, from `/proc/self/cgroup` */
  own: string;
  /** whether the user may create below a directory and move processes within it */
  writable(directory: string): boolean;
}

/** Reads where cgroup v2 is mounted to be written, which on hybrid hosts is beside the v1 controllers. */
export function cgroup2Mount(mountinfo: string): string | undefined {
  return /^\d+ \d+ \S+ \/ (\S+) rw\S* .*- cgroup2 /m.exec(mountinfo)?.[1];
}

/** The v2 line of `/proc/PID/cgroup`. */
export function cgroup2Path(text: string): string {
  return /^0::(.*)$/m.exec(text)?.[1] ?? "/";
}

/**
 * The directory in which drey may build where no service manager hands one out: root's is at the top, a user's in the
 * highest writable one above the caller, because moving a process needs write access to the common ancestor of both
 * places.
 */
export function findHome({ uid, mount, own, writable }: CgroupFacts, name = "drey"): string | undefined {
  if (mount === undefined) return undefined;
  if (uid === 0) return writable(mount) ? `${mount}/${name}` : undefined;
  const words = own.split("/").filter((word) => word !== "");
  for (let depth = 0; depth <= words.length; depth++) {
    const directory = [mount, ...words.slice(0, depth)].join("/");
    if (writable(directory)) return `${directory}/${name}`;
  }
  return undefined;
}

/** Facts of this host. */
export function readCgroupFacts(uid: number): CgroupFacts {
  return {
    uid,
    mount: cgroup2Mount(Deno.readTextFileSync("/proc/self/mountinfo")),
    own: cgroup2Path(Deno.readTextFileSync("/proc/self/cgroup")),
    writable: (directory) => ownedBy(uid, directory) && ownedBy(uid, `${directory}/cgroup.procs`),
  };
}

function ownedBy(uid: number, path: string): boolean {
  try {
    const info = Deno.statSync(path);
    // the top of a hierarchy has mode 0555, which does not keep root out
    return info.uid === uid && (uid === 0 || ((info.mode ?? 0) & 0o200) !== 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/**
 * Takes the wait of the next moves between cgroups now, beside other work. The first move after a pause waits for all
 * processors, 10 to 30 ms, and those that follow soon do not (cgroup_threadgroup_rwsem, percpu-rwsem.rst): so drey
 * moves itself to where it is. While it waits nobody can make a cgroup either, so this comes long before; each further
 * one of `times` makes "soon" last as long again.
 */
export function primeMoves({ mount, own, writable }: CgroupFacts, times = 1): void {
  if (mount === undefined || !writable(mount + own)) return;
  const pid = new TextEncoder().encode(String(Deno.pid));
  const move = async () => {
    // at once, not when this process has time again
    using file = Deno.openSync(`${mount}${own}/cgroup.procs`, { write: true });
    await file.write(pid);
  };
  for (let count = 0; count < times; count++) {
    move().catch(() => {}); // refused: then the wait comes later, that is all
  }
}
