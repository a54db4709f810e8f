// What can be found out about this host by looking and by trying; domain/doctor.ts judges it.

import { grantCommand, sharedWith } from "../idmap/grant.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { type IdLayout, readLayout } from "../idmap/ranges.ts";
import { readAptSources } from "../images/apt_sources.ts";
import { readCgroupFacts } from "../runtime/cgroup_home.ts";
import { controllers } from "../runtime/cgroups.ts";
import { readIfThere } from "../sys/present.ts";
import { fullPath, run } from "../sys/run.ts";
import { findTool, tools } from "../sys/tools.ts";
import { planHome } from "./cgroup_home.ts";
import type { UplinkChoice } from "../network/uplink.ts";
import { readUplink } from "./networks/uplink.ts";
import type { Context } from "./context.ts";

/** The outcome of trying something; `said` is what the program complained of. */
export type Trial = { ok: true } | { ok: false; said: string };
export type DeviceState = "usable" | "denied" | "absent";

export interface HostFacts {
  user: { uid: number; name: string };
  /** by name; absent if this kernel has none of that name */
  sysctls: Record<string, string | undefined>;
  /** how many subordinate ids the user has, the command that grants them, and another user who was given some too */
  subIds: { uids: number; gids: number; grant: string; sharer?: string | undefined };
  /** file of each program; absent if not installed */
  tools: Record<string, string | undefined>;
  userNamespace: Trial;
  /** a namespace with the map of containers */
  idMap: Trial;
  overlay: Trial;
  cgroup: {
    layout: "unified" | "hybrid" | "v1";
    /** where cgroup v2 is mounted to be written; absent on a pure v1 host */
    mount: string | undefined;
    /** where drey may make cgroups; absent if nowhere */
    home: string | undefined;
    /** controllers drey may use there */
    controllers: string[];
  };
  systemd: { booted: boolean; userSession: boolean };
  devices: Record<string, DeviceState>;
  /** what leads out of a user's network */
  uplink: UplinkChoice;
  /** files of keyrings that are there */
  keyrings: string[];
  /** the first mirror of the host's package sources */
  mirror: string | undefined;
  disk: { path: string; free: number };
}

const sysctlNames = [
  "kernel/unprivileged_userns_clone",
  "kernel/apparmor_restrict_unprivileged_userns",
  "user/max_user_namespaces",
  "fs/inotify/max_user_instances",
];
const devices = ["/dev/kvm", "/dev/net/tun", "/dev/fuse"];
const keyrings = [
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
];

/** Looks at the host and tries what can only be known by trying; leaves nothing behind. */
export async function readHostFacts(context: Context): Promise<HostFacts> {
  const layout = await readLayout(context.user);
  const path = fullPath();
  await Deno.mkdir(context.paths.state, { recursive: true, mode: 0o700 });
  const [userNamespace, idMap, overlay, disk] = await Promise.all([
    tryUserNamespace(),
    tryMapped(layout, ["true"], "."),
    tryOverlay(layout, context.paths.state),
    readDisk(context.paths.state),
  ]);
  return {
    user: context.user,
    sysctls: Object.fromEntries(sysctlNames.map((name) => [name, readIfThere(`/proc/sys/${name}`)?.trim()])),
    subIds: {
      uids: count(layout.ranges.uids),
      gids: count(layout.ranges.gids),
      grant: grantCommand(context.user.name),
      sharer: sharedWith(context.user, layout.ranges.uids, readIfThere("/etc/subuid") ?? "") ??
        sharedWith(context.user, layout.ranges.gids, readIfThere("/etc/subgid") ?? ""),
    },
    tools: Object.fromEntries(tools.map(({ name }) => [name, findTool(name, path)])),
    userNamespace,
    idMap,
    overlay,
    cgroup: readCgroup(context),
    systemd: {
      booted: exists("/run/systemd/system"),
      userSession: exists(`/run/user/${context.user.uid}/systemd/private`),
    },
    devices: Object.fromEntries(devices.map((device) => [device, deviceState(device)])),
    uplink: readUplink(),
    keyrings: keyrings.filter(exists),
    mirror: readAptSources("/etc/apt").flatMap(({ uris }) => uris)[0],
    disk,
  };
}

function count(ranges: readonly { count: number }[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

function readCgroup(context: Context): HostFacts["cgroup"] {
  const facts = readCgroupFacts(context.user.uid);
  const home = planHome(context)?.path;
  // the home itself may not exist yet: what stands above it tells which controllers it can be given
  const above = home?.slice(0, home.lastIndexOf("/"));
  const parent = above?.replace(/\/app\.slice$/, "");
  const hasV1 = exists("/proc/cgroups") && /^\d+:[a-z]/m.test(readIfThere("/proc/self/cgroup") ?? "");
  return {
    layout: facts.mount === undefined ? "v1" : hasV1 ? "hybrid" : "unified",
    mount: facts.mount,
    home,
    controllers: parent === undefined ? [] : controllers(parent),
  };
}

async function tryUserNamespace(): Promise<Trial> {
  return await attempt(() => run(["unshare", "-U", "true"]));
}

/** Runs a program as root of the map that containers of this user get. */
async function tryMapped(layout: IdLayout, argv: readonly string[], cwd: string): Promise<Trial> {
  return await attempt(async () => {
    if (layout.parent === undefined) return await run(argv, { cwd });
    await using root = await openMappedRoot(layout.parent);
    return await run(root.command(argv), { cwd });
  });
}

async function tryOverlay(layout: IdLayout, state: string): Promise<Trial> {
  const work = await Deno.makeTempDir({ dir: state, prefix: "doctor-" });
  const script = "mkdir lower upper work merged && " +
    "mount -t overlay overlay -o userxattr,lowerdir=lower,upperdir=upper,workdir=work merged && : >merged/file";
  try {
    return await tryMapped(layout, ["unshare", "-m", "sh", "-c", script], work);
  } finally {
    // what the mapped root made belongs to the user, whom 0 stands for; the kernel's work/work has mode 0
    await run(["chmod", "-R", "u+rwx", work]);
    await Deno.remove(work, { recursive: true });
  }
}

async function attempt(act: () => Promise<{ code: number; stderr: string }>): Promise<Trial> {
  try {
    const { code, stderr } = await act();
    return code === 0
      ? { ok: true }
      : { ok: false, said: stderr.trim().split("\n").at(-1) || `status ${code}` };
  } catch (error) {
    return { ok: false, said: error instanceof Error ? error.message : String(error) };
  }
}

function deviceState(path: string): DeviceState {
  try {
    using _ = Deno.openSync(path, { read: true, write: true });
    return "usable";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "absent" : "denied";
  }
}

async function readDisk(path: string): Promise<HostFacts["disk"]> {
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(path);
  return { path, free: bavail * bsize };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return true;
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
