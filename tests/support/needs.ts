// What an end-to-end test can ask of its host, found out once per test file.

import { type HostFacts, readHostFacts } from "../../domain/host_facts.ts";
import { missingTools } from "../../domain/host_packages.ts";
import { readUplink } from "../../domain/networks/uplink.ts";
import type { Context } from "../../domain/context.ts";
import { bootLoader } from "./disk_image.ts";
import { chooseVsockId } from "../../domain/machines/vsock.ts";
import { exists } from "../../sys/present.ts";

/** `debian`: images can be built; a controller's name: limits of it can be kept */
export type Need =
  | "userns"
  | "subids"
  | "overlay"
  | "cgroup"
  | "cpu"
  | "cpuset"
  | "memory"
  | "pids"
  | "debian"
  | "lxc"
  | "xdelta3"
  | "network"
  | "uplink"
  | "machines"
  | "vsock"
  | "disk-machines"
  | "made-disks"
  | "rsync"
  | "sftp"
  | "sshfs"
  | "pylxd"
  | "ansible"
  | "promtool"
  | "openssl"
  | "dig"
  | "ipvlan"
  | "vlan"
  | "gretap"
  | "slirp4netns"
  | "pasta"
  | "socket-activate"
  | "lxd"
  | "root"
  | "lvm"
  | "project-quota"
  | "fuse2fs"
  | "test-user"
  | "user";

type Check = (facts: HostFacts) => string | undefined;

const controller = (name: string): Check => ({ cgroup }) =>
  cgroup.controllers.includes(name) ? undefined : `the cgroup controller ${name} is not delegated`;

const checks: Record<Need, Check> = {
  userns: ({ userNamespace }) => userNamespace.ok ? undefined : `no user namespaces: ${userNamespace.said}`,
  subids: ({ subIds, idMap }) => {
    if (Math.min(subIds.uids, subIds.gids) < 65_535) return "the user has no 65536 subordinate ids";
    return idMap.ok ? undefined : `ids cannot be mapped: ${idMap.said}`;
  },
  overlay: ({ overlay }) => overlay.ok ? undefined : `no overlay: ${overlay.said}`,
  cgroup: ({ cgroup }) => cgroup.home === undefined ? "no cgroup is delegated" : undefined,
  cpu: controller("cpu"),
  cpuset: controller("cpuset"),
  memory: controller("memory"),
  pids: controller("pids"),
  debian: ({ keyrings }) => {
    const missing = missingTools(["mmdebstrap"]);
    if (missing.length > 0) return "mmdebstrap is not installed";
    return keyrings.some((path) => path.includes("debian")) ? undefined : "no keyring of Debian's archive";
  },
  xdelta3: () => exists("/usr/bin/xdelta3") ? undefined : "xdelta3 is not installed",
  lxc: () => missingTools(["lxc"]).length > 0 ? "LXD's client lxc is not installed" : undefined,
  rsync: () => missingTools(["rsync"]).length > 0 ? "rsync is not installed" : undefined,
  sftp: () => missingTools(["sftp"]).length > 0 ? "OpenSSH's client sftp is not installed" : undefined,
  sshfs: () => {
    if (missingTools(["sshfs", "fusermount3"]).length > 0) return "sshfs is not installed";
    return isUsable("/dev/fuse") ? undefined : "/dev/fuse may not be used";
  },
  pylxd: () => exists("/usr/lib/python3/dist-packages/pylxd") ? undefined : "python3-pylxd is not installed",
  ansible: () => {
    if (missingTools(["ansible-playbook"]).length > 0) return "Ansible is not installed";
    const places = ["/usr/lib/python3/dist-packages", "/usr/share/ansible/collections"];
    const module = "ansible_collections/community/general/plugins/modules/lxd_container.py";
    return places.some((place) => exists(`${place}/${module}`))
      ? undefined
      : "Ansible's collection community.general is not installed";
  },
  promtool: () => missingTools(["promtool"]).length > 0 ? "promtool is not installed" : undefined,
  // busybox has the DHCP client of the image tiny
  network: () => {
    const missing = missingTools(["ip", "nft", "dnsmasq", "busybox", "socat"]);
    return missing.length > 0 ? `${missing.join(", ")}: not installed` : undefined;
  },
  uplink: () => {
    const uplink = readUplink();
    return uplink.tool === undefined ? `no way out of a network: ${uplink.why}` : undefined;
  },
  machines: () => {
    const missing = missingTools([`qemu-system-${Deno.build.arch}`, "apt-get", "dpkg-deb"]);
    if (missing.length > 0) return `${missing.join(", ")}: not installed`;
    const servers = ["/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd"];
    return servers.some(exists) ? undefined : "virtiofsd is not installed";
  },
  vsock: () => chooseVsockId({}) === undefined ? "/dev/vhost-vsock is not there, or not usable" : undefined,
  slirp4netns: () => missingTools(["slirp4netns"]).length > 0 ? "slirp4netns is not installed" : undefined,
  pasta: () => missingTools(["pasta"]).length > 0 ? "pasta is not installed" : undefined,
  ipvlan: () => interfaceKind("ipvlan", "link add link v0 name x type ipvlan mode l3s"),
  vlan: () => interfaceKind("vlan", "link add link v0 name x type vlan id 5 gvrp on"),
  gretap: () => interfaceKind("gretap", "link add x type gretap local 198.18.0.1 remote 198.18.0.2"),
  dig: () => missingTools(["dig"]).length > 0 ? "dig is not installed" : undefined,
  "disk-machines": () => {
    if (Deno.build.arch !== "x86_64") return "the boot loader is looked for on x86_64 alone";
    const missing = missingTools(["qemu-system-x86_64", "qemu-img", "apt-get", "dpkg-deb"]);
    if (missing.length > 0) return `${missing.join(", ")}: not installed`;
    const files = { ovmf: "/usr/share/OVMF/OVMF_CODE_4M.fd", "systemd-boot-efi": bootLoader };
    const absent = Object.entries(files).filter(([, path]) => !exists(path)).map(([name]) => name);
    return absent.length > 0 ? `${absent.join(", ")}: not installed` : undefined;
  },
  "made-disks": () => {
    const missing = missingTools(["qemu-img", "mke2fs"]);
    return missing.length > 0 ? `${missing.join(", ")}: not installed` : undefined;
  },
  openssl: () => missingTools(["openssl"]).length > 0 ? "openssl is not installed" : undefined,
  "socket-activate": () =>
    missingTools(["systemd-socket-activate"]).length > 0
      ? "systemd-socket-activate is not installed"
      : undefined,
  lxd: () => missingTools(["lxd"]).length > 0 ? "LXD's server lxd is not installed" : undefined,
  root: ({ user }) => user.uid === 0 ? undefined : "it is for root",
  lvm: ({ user }) => {
    if (user.uid !== 0) return "only root may make logical volumes";
    const missing = missingTools(["lvm", "thin_check", "mkfs.ext4"]);
    if (missing.length > 0) return `${missing.join(", ")}: not installed`;
    return exists("/dev/mapper/control") ? undefined : "this kernel has no device mapper";
  },
  fuse2fs: () => {
    const missing = missingTools(["fuse2fs", "resize2fs", "mkfs.ext4"]);
    if (missing.length > 0) return `${missing.join(", ")}: not installed`;
    return isUsable("/dev/fuse") ? undefined : "/dev/fuse may not be used";
  },
  "project-quota": ({ user }) => {
    if (user.uid !== 0) return "only root may set project quotas";
    return projectQuota() ? undefined : "this kernel has no project quotas";
  },
  "test-user": () =>
    exists("/home/drey-test/drey/cli.ts") ? undefined : "there is no user drey-test with a copy of the tree",
  user: ({ user }) => user.uid === 0 ? "it is for an ordinary user" : undefined,
};

/** Whether a little ext4 can be mounted with project quotas, in a namespace of its own. */
function projectQuota(): boolean {
  const file = Deno.makeTempFileSync();
  const make = "truncate -s 8M $0 && mkfs.ext4 -q -O quota,project -E quotatype=prjquota $0";
  const { success } = new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", `${make} && mount -o loop,prjquota $0 /mnt`, file],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  Deno.removeSync(file);
  return success;
}

/** Whether root can make an interface of a kind here, tried in a namespace of its own. */
function interfaceKind(kind: string, line: string): string | undefined {
  const script = `ip link add v0 type veth peer name v1 && ip link set v0 up && ip ${line}`;
  const { success } = new Deno.Command("unshare", {
    args: ["--net", "sh", "-c", script],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : `this kernel makes no interfaces of kind ${kind}`;
}

function isUsable(node: string): boolean {
  try {
    Deno.openSync(node, { read: true, write: true }).close();
    return true;
  } catch {
    return false; // absent, or not for this user
  }
}

/** The first need this host does not meet, as a reason to skip. */
export async function unmet(needs: readonly Need[]): Promise<string | undefined> {
  const facts = await hostFacts();
  for (const need of needs) {
    const reason = checks[need](facts);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

let known: Promise<HostFacts> | undefined;

/** Facts of the host for whoever runs the tests. */
export function hostFacts(): Promise<HostFacts> {
  return known ??= readHostFacts({
    user: { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, name: userName() },
    paths: { state: testDirectory(), run: testDirectory(), config: testDirectory() },
  } as Context);
}

function userName(): string {
  const lines = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  return lines.find((fields) => fields[2] === String(Deno.uid()))?.[0] ?? String(Deno.uid());
}

/** Where tests keep their dreys: on a disk, since overlay wants one. */
export function testDirectory(): string {
  return Deno.env.get("DREY_TEST_DIR") || `/var/tmp/drey-test-${Deno.uid()}`;
}
