// How an image of Debian or Ubuntu is made: packages, sources and settings, as arguments of mmdebstrap(1).

import type { Mirrors } from "./apt_sources.ts";
import type { Suite } from "./debian_suites.ts";

export interface Recipe {
  suite: Suite;
  /** Debian's name, `amd64` */
  architecture: string;
  /** lines of sources.list, the first for the suite itself */
  sources: string[];
  packages: string[];
  keyring: string;
}

/** What a person expects of a small system, besides what `minbase` brings. */
const packages = [
  ...["systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "libnss-myhostname"],
  ...["iproute2", "iputils-ping", "netbase", "ca-certificates", "procps", "less", "vim-tiny"],
];

const defaults = {
  debian: { main: "http://deb.debian.org/debian", security: "http://deb.debian.org/debian-security" },
  ubuntu: { main: "http://archive.ubuntu.com/ubuntu", security: "http://security.ubuntu.com/ubuntu" },
  ubuntuPorts: {
    main: "http://ports.ubuntu.com/ubuntu-ports",
    security: "http://ports.ubuntu.com/ubuntu-ports",
  },
};

/** The archive keys of a distribution, as its keyring package installs them. */
export const keyrings = {
  debian: { path: "/usr/share/keyrings/debian-archive-keyring.gpg", package: "debian-archive-keyring" },
  ubuntu: { path: "/usr/share/keyrings/ubuntu-archive-keyring.gpg", package: "ubuntu-keyring" },
} as const;

/**
 * The recipe of a suite.
 *
 * @param host mirrors this host uses
 * @param override mirror that replaces them; it is not asked for security updates, which it may not have
 */
export function makeRecipe(
  suite: Suite,
  { architecture, host, override }: { architecture: string; host: Mirrors; override: string | undefined },
): Recipe {
  const { distribution, codename } = suite;
  const isPort = distribution === "ubuntu" && !["amd64", "i386"].includes(architecture);
  const usual = defaults[isPort ? "ubuntuPorts" : distribution];
  const main = override ?? host.main ?? usual.main;
  const security = override === undefined
    ? host.security ?? (host.main === undefined ? usual.security : undefined)
    : undefined;
  const components = distribution === "ubuntu" ? "main universe" : "main";
  const isRolling = codename === "sid";
  return {
    suite,
    architecture,
    keyring: keyrings[distribution].path,
    sources: [
      `deb ${main} ${codename} ${components}`,
      ...isRolling ? [] : [`deb ${main} ${codename}-updates ${components}`],
      ...isRolling || security === undefined ? [] : [`deb ${security} ${codename}-security ${components}`],
    ],
    // before bookworm and noble, resolved was part of systemd itself
    packages: [...packages, ...["bullseye", "jammy"].includes(codename) ? [] : ["systemd-resolved"]],
  };
}

/** argv of the build: a tar stream on standard output, made below TMPDIR. */
export function mmdebstrapArgs(recipe: Recipe): string[] {
  return [
    ...["mmdebstrap", "--mode=root", "--format=tar", "--variant=minbase", "--verbose"],
    `--architectures=${recipe.architecture}`,
    `--include=${recipe.packages.join(",")}`,
    `--keyring=${recipe.keyring}`,
    // a mirror that is away should be said so soon; the file these end in is removed below
    '--aptopt=Acquire::http::Timeout "20"',
    '--aptopt=Acquire::Retries "1"',
    "--dpkgopt=force-unsafe-io",
    // a container gets its own /dev
    "--skip=output/dev",
    `--customize-hook=${settings}`,
    ...recipe.suite.codename === "bullseye" ? [`--customize-hook=${oldSystemd}`] : [],
    recipe.suite.codename,
    "-",
    ...recipe.sources,
  ];
}

/** Network by DHCP, names by resolved, UTF-8, and nothing of the host or of the build. */
const settings = `set -eu
root=$1
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/hostname"
printf '[Match]\\nName=eth0\\n\\n[Network]\\nDHCP=yes\\n\\n[DHCPv4]\\nUseDomains=true\\n' >"$root/etc/systemd/network/10-eth0.network"
printf '127.0.0.1\\tlocalhost\\n::1\\t\\tlocalhost ip6-localhost ip6-loopback\\nff02::1\\t\\tip6-allnodes\\nff02::2\\t\\tip6-allrouters\\n' >"$root/etc/hosts"
echo LANG=C.UTF-8 >"$root/etc/default/locale"
chroot "$root" systemctl enable systemd-networkd.service systemd-resolved.service
# they look after disks, and a container has none
chroot "$root" systemctl disable e2scrub_reap.service e2scrub_all.timer fstrim.timer
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -rf "$root"/var/log/apt "$root"/var/log/*.log "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old`;

/** systemd 247 takes two things for failures that an ordinary user's container cannot do; later ones do not. */
const oldSystemd = `set -eu
dir=$1/etc/systemd/system
ln -s /dev/null "$dir/systemd-journald-audit.socket"
mkdir "$dir/systemd-udev-trigger.service.d"
printf '[Service]\\nExecStart=\\nExecStart=-udevadm trigger --subsystem-match=net --action=add\\n' >"$dir/systemd-udev-trigger.service.d/container.conf"`;
