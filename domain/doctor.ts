// What drey needs from a host, judged: each prerequisite with its purpose, its state and the exact cure.

import { formatSize } from "../config/size.ts";
import { type Tool, tools } from "../sys/tools.ts";
import type { Prerequisite, PrerequisiteStatus } from "../wire/doctor.ts";
import type { Proof } from "../runtime/vm/accelerator.ts";
import type { Context } from "./context.ts";
import { type HostFacts, readHostFacts } from "./host_facts.ts";
import { installCommand, installMissing } from "./host_packages.ts";

/** Examines this host. */
export async function examineHost(context: Context): Promise<Prerequisite[]> {
  const facts = await readHostFacts(context);
  if (facts.tools[`qemu-system-${Deno.build.arch}`] === undefined) return judge(facts);
  const { accelerator, findVirtiofsd } = await import("./machines/assets.ts");
  const kvm = await accelerator(context);
  return judge(facts, { kvm, virtiofsd: findVirtiofsd()?.path });
}

/** What was found out about virtual machines, where there is a program to run them. */
export interface MachineFacts {
  /** what a program on /dev/kvm proved */
  kvm: Proof;
  virtiofsd: string | undefined;
}

/**
 * Installs what is missing and can be installed.
 *
 * @throws {DreyError} `TOOL_MISSING` for anybody but root
 */
export async function fixHost(): Promise<{ installed: string[] }> {
  return { installed: await installMissing(undefined, { consent: { ask: () => true, say: console.error } }) };
}

/** One row per prerequisite, in the order in which an instance meets them. */
export function judge(facts: HostFacts, machines?: MachineFacts): Prerequisite[] {
  return [
    userNamespaces(facts),
    inotify(facts),
    subordinateIds(facts),
    idMaps(facts),
    overlay(facts),
    cgroups(facts),
    systemdSession(facts),
    ...tools.map((tool) => program(tool, facts)),
    uplink(facts),
    keyring(facts),
    mirror(facts),
    diskSpace(facts),
    ...Object.keys(deviceUses).map((path) => device(path, facts, machines)),
    ...(machines === undefined ? [] : [sharing(machines)]),
  ];
}

type Finding = [status: PrerequisiteStatus, found: string, fix?: string];

function row(name: string, purpose: string, [status, found, fix = ""]: Finding): Prerequisite {
  return { name, purpose, status, found, fix };
}

function userNamespaces({ userNamespace, sysctls }: HostFacts): Prerequisite {
  return row("user namespaces", "Root inside a container without root outside", find());

  function find(): Finding {
    if (userNamespace.ok) return ["ok", "allowed"];
    if (sysctls["kernel/unprivileged_userns_clone"] === "0") {
      return [
        "missing",
        "kernel.unprivileged_userns_clone is 0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
      ];
    }
    if (sysctls["user/max_user_namespaces"] === "0") {
      return ["missing", "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=15000"];
    }
    const apparmor = apparmorCure(sysctls);
    if (apparmor !== undefined) return ["missing", apparmor.found, apparmor.fix];
    return [
      "missing",
      userNamespace.said,
      "Allow unshare(2) with CLONE_NEWUSER; inside another container its seccomp profile may forbid it",
    ];
  }
}

function apparmorCure(sysctls: HostFacts["sysctls"]): { found: string; fix: string } | undefined {
  if (sysctls["kernel/apparmor_restrict_unprivileged_userns"] !== "1") return undefined;
  return {
    found: "kernel.apparmor_restrict_unprivileged_userns is 1",
    fix: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  };
}

function subordinateIds({ user, subIds }: HostFacts): Prerequisite {
  const count = Math.min(subIds.uids, subIds.gids);
  const found = `${subIds.uids} user ids, ${subIds.gids} group ids`;
  return row("subordinate ids", "Ids of the users in a container; its root is one of them", find());

  function find(): Finding {
    if (user.uid === 0) return ["ok", `${found}; root may map any`];
    if (count === 0) {
      return ["warning", `${found}: programs that change user fail in containers`, subIds.grant];
    }
    // ids up to nobody, 65534, plus the one that stays free
    if (count < 65_535) {
      return ["warning", `${found}: fewer than the 65536 a system uses`, subIds.grant];
    }
    if (subIds.sharer !== undefined) {
      const fix =
        `Give ${user.name} and ${subIds.sharer} ranges that do not overlap, in /etc/subuid and /etc/subgid`;
      return [
        "warning",
        `some are ${subIds.sharer}'s too, whose containers may touch files and processes`,
        fix,
      ];
    }
    return ["ok", found];
  }
}

/** A booted systemd with its services holds about six, and all containers of a user count as that user. */
const inotifyEach = 6;

function inotify({ sysctls }: HostFacts): Prerequisite {
  const most = Number(sysctls["fs/inotify/max_user_instances"] ?? Infinity);
  const systems = Math.floor(most / inotifyEach);
  const finding: Finding = most >= 512
    ? ["ok", "enough"]
    : ["warning", `${most}: about ${systems} booted systems`, "sysctl -w fs.inotify.max_user_instances=1024"];
  return row("inotify instances", "Many systems that run systemd at the same time", finding);
}

function idMaps({ user, subIds, idMap, tools, sysctls }: HostFacts): Prerequisite {
  return row("id maps", "Giving a container its ids", find());

  function find(): Finding {
    if (idMap.ok) return ["ok", user.uid === 0 ? "written directly" : "written"];
    const needsHelpers = user.uid !== 0 && subIds.uids > 0;
    if (needsHelpers && tools["newuidmap"] === undefined) {
      return ["missing", "newuidmap is not installed", installCommand(["uidmap"])];
    }
    const apparmor = apparmorCure(sysctls);
    if (apparmor !== undefined) return ["missing", apparmor.found, apparmor.fix];
    const fix = needsHelpers ? "apt-get install --reinstall uidmap (newuidmap must be set-uid root)" : "";
    return ["missing", idMap.said, fix];
  }
}

function overlay({ overlay, idMap, disk }: HostFacts): Prerequisite {
  return row("overlay", "Instances that share the files of their image", find());

  function find(): Finding {
    if (overlay.ok) return ["ok", "mounts in a user namespace"];
    // its own cure would send people after a newer kernel
    if (!idMap.ok) return ["missing", "not tried, since ids cannot be mapped", ""];
    const fix = `Use Linux 5.12 or later, and keep ${disk.path} off network and stacked file systems`;
    return ["missing", overlay.said, fix];
  }
}

const wantedControllers = ["cpu", "cpuset", "memory", "pids"];

function cgroups({ cgroup, systemd, user }: HostFacts): Prerequisite {
  return row("cgroup delegation", "Limits, freezing and statistics of instances", find());

  function find(): Finding {
    const missing = wantedControllers.filter((name) => !cgroup.controllers.includes(name));
    const layout = cgroup.layout === "unified" ? "cgroup v2" : `cgroup ${cgroup.layout}`;
    if (cgroup.layout === "v1") return ["warning", `${layout}: no limits, no freezing`, bootUnified];
    if (cgroup.home === undefined) return ["warning", `${layout}, nothing delegated: no limits`, delegate()];
    const found = `${layout}, ${cgroup.home}`;
    if (missing.length === 0) return ["ok", `${found}: ${wantedControllers.join(", ")}`];
    const without = `${found}: without ${missing.join(", ")}`;
    return ["warning", without, cgroup.layout === "hybrid" ? bootUnified : delegate()];
  }

  function delegate(): string {
    if (systemd.userSession) {
      return "mkdir -p /etc/systemd/system/user@.service.d && " +
        "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' " +
        ">/etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload";
    }
    if (systemd.booted) return `loginctl enable-linger ${user.name}`;
    const directory = `${cgroup.mount}/${user.name}`;
    return `mkdir ${directory} && chown -R ${user.name} ${directory}, ` +
      "then start drey from a process in it";
  }
}

const bootUnified = "Boot with the kernel parameter systemd.unified_cgroup_hierarchy=1";

function systemdSession({ systemd, user }: HostFacts): Prerequisite {
  return row("systemd session", "A cgroup of one's own, and instances that outlive a logout", find());

  function find(): Finding {
    if (user.uid === 0) return ["ok", "not needed by root"];
    if (!systemd.booted) return ["ok", "this host does not run systemd"];
    if (systemd.userSession) return ["ok", "running"];
    return ["warning", "no user session", `loginctl enable-linger ${user.name}`];
  }
}

function program(tool: Tool, { tools, user, subIds }: HostFacts): Prerequisite {
  return row(tool.name, tool.purpose, find());

  function find(): Finding {
    const file = tools[tool.name];
    if (file !== undefined) return ["ok", file];
    if (tool.onlyFor === "sub-ids" && (user.uid === 0 || subIds.uids === 0)) return ["ok", "not needed"];
    const isVital = tool.onlyFor === undefined || tool.onlyFor === "sub-ids";
    const found = isVital ? "not installed" : `not installed: no ${tool.onlyFor}`;
    return [isVital ? "missing" : "warning", found, installCommand([tool.in])];
  }
}

/** The way out of a user's network; root's networks use the host's own. */
function uplink({ user, uplink }: HostFacts): Prerequisite {
  const purpose = "The way from instances to the outside";
  if (user.uid === 0) return row("network uplink", purpose, ["ok", "the host's own"]);
  if (uplink.tool !== undefined) {
    return row("network uplink", purpose, ["ok", `${uplink.tool}: ${uplink.why}`]);
  }
  return row("network uplink", purpose, ["warning", uplink.why, uplink.fix]);
}

function keyring({ keyrings }: HostFacts): Prerequisite {
  return row(
    "archive keyring",
    "Checking the packages that images are built of",
    keyrings.length > 0
      ? ["ok", keyrings.join(", ")]
      : ["warning", "none", installCommand(["debian-archive-keyring"])],
  );
}

function mirror({ mirror }: HostFacts): Prerequisite {
  return row(
    "package mirror",
    "Where images are built from",
    mirror !== undefined ? ["ok", mirror] : ["ok", "none in /etc/apt: Debian's own is used"],
  );
}

const comfortable = 2 * 2 ** 30;
const least = 512 * 2 ** 20;

function diskSpace({ disk }: HostFacts): Prerequisite {
  const found = `${formatSize(disk.free)} free in ${disk.path}`;
  const status = disk.free < least ? "missing" : disk.free < comfortable ? "warning" : "ok";
  const fix = status === "ok" ? "" : "Free some space, or point DREY_DIR to another disk";
  return row("disk space", "Images and instances; a Debian image takes about 400 MiB", [status, found, fix]);
}

const deviceUses: Record<string, { purpose: string; group: string }> = {
  "/dev/kvm": { purpose: "Virtual machines at full speed", group: "kvm" },
  "/dev/net/tun": { purpose: "Network devices of instances", group: "" },
  "/dev/fuse": { purpose: "FUSE file systems in containers", group: "" },
};

/** Serves the root of a machine; no program of a PATH, so it is looked for by itself. */
function sharing({ virtiofsd }: MachineFacts): Prerequisite {
  return row(
    "virtiofsd",
    "Giving virtual machines their root and shared directories",
    virtiofsd === undefined
      ? ["warning", "not installed", `${installCommand(["virtiofsd"])}; on Debian 12 qemu-system-common`]
      : ["ok", virtiofsd],
  );
}

function device(path: string, { devices, user }: HostFacts, machines?: MachineFacts): Prerequisite {
  const { purpose, group } = deviceUses[path]!;
  return row(path, purpose, find());

  function find(): Finding {
    const module = path.split("/").at(-1);
    if (devices[path] === "usable" && path === "/dev/kvm" && machines?.kvm.accelerator === "tcg") {
      return [
        "warning",
        `not usable: ${machines.kvm.why ?? "DREY_VM_ACCEL says so"}`,
        "Virtual machines are emulated, which is slow",
      ];
    }
    if (devices[path] === "usable") return ["ok", "usable"];
    if (devices[path] === "absent") return ["warning", "absent", `modprobe ${module}`];
    const fix = group === "" ? `chmod 0666 ${path}` : `usermod --append --groups ${group} ${user.name}`;
    return ["warning", "no permission to open it", fix];
  }
}
