// How an image of Debian or Ubuntu is made: packages, sources and settings, as arguments of mmdebstrap(1).

import type { Mirrors } from "./apt_sources.ts";
import type { Suite, Variant } from "./debian_suites.ts";
import type { ImageTemplate } from "./metadata.ts";

export interface Recipe {
  suite: Suite;
  /** Debian's name, `amd64` */
  architecture: string;
  /** lines of sources.list, the first for the suite itself */
  sources: string[];
  packages: string[];
  keyring: string;
  variant: string;
  /** shell scripts run with the new root as `$1`: once it has its essential packages, and once it has all */
  hooks: { essential: string[]; customize: string[] };
  /** templates of the image, with their text */
  templates: (ImageTemplate & { path: string; text: string })[];
  /** what the image says of itself besides what follows from the suite */
  properties: Record<string, string>;
  /** seconds until the image expires; without it, it does not */
  expiry?: number;
}

/** What makes a system of it, besides what `minbase` brings. */
const basis = ["systemd", "systemd-sysv", "udev", "dbus", "libpam-systemd", "libnss-myhostname"];
/** What a person expects of a small system. */
const comfort = [
  ...["iproute2", "iputils-ping", "netbase", "ca-certificates", "procps", "less", "vim-tiny"],
];
const packagesOf: Record<Variant, string[]> = {
  minimal: ["systemd", "systemd-sysv", "dbus", "libnss-myhostname", "iproute2", "netbase", "ca-certificates"],
  default: [...basis, ...comfort],
  cloud: [...basis, ...comfort, "cloud-init", "openssh-server", "sudo", "locales"],
};

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
  { architecture, host, override, variant = "default" }: {
    architecture: string;
    host: Mirrors;
    override: string | undefined;
    variant?: Variant;
  },
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
    packages: [
      ...packagesOf[variant],
      ...["bullseye", "jammy"].includes(codename) ? [] : ["systemd-resolved"],
    ],
    variant,
    hooks: {
      essential: [],
      customize: [
        settings,
        frugalSettings,
        ...(codename === "bullseye" ? [oldSystemd] : []),
        ...(variant === "cloud" ? [cloudSettings] : []),
      ],
    },
    templates: variant === "cloud" ? cloudTemplates : [],
    properties: {},
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
    ...recipe.hooks.essential.map((script) => `--essential-hook=${script}`),
    ...recipe.hooks.customize.map((script) => `--customize-hook=${script}`),
    recipe.suite.codename,
    "-",
    ...recipe.sources,
  ];
}

/**
 * Network by DHCP, names by resolved, UTF-8, and nothing of the host or of the build. The network knows every name;
 * LLMNR, which resolved asks besides, is waited for ten seconds where nobody has the name.
 */
const settings = `set -eu
root=$1
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/hostname"
printf '[Match]\\nName=eth0\\n\\n[Network]\\nDHCP=yes\\n\\n[DHCPv4]\\nUseDomains=true\\n' >"$root/etc/systemd/network/10-eth0.network"
mkdir -p "$root/etc/systemd/resolved.conf.d"
printf '[Resolve]\\nLLMNR=no\\n' >"$root/etc/systemd/resolved.conf.d/container.conf"
printf '127.0.0.1\\tlocalhost\\n::1\\t\\tlocalhost ip6-localhost ip6-loopback\\nff02::1\\t\\tip6-allnodes\\nff02::2\\t\\tip6-allrouters\\n' >"$root/etc/hosts"
echo LANG=C.UTF-8 >"$root/etc/default/locale"
chroot "$root" systemctl enable systemd-networkd.service systemd-resolved.service
# they look after disks, and a container has none
chroot "$root" systemctl disable e2scrub_reap.service e2scrub_all.timer fstrim.timer
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
rm -rf "$root"/var/log/apt "$root"/var/log/*.log "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old`;

/**
 * A user has 128 inotify instances for all containers, and a system that waits for disks and passwords takes ten of
 * them. Without udev and with logind started by the first who logs in it takes six. networkd waits for udev wherever it
 * may write to /sys.
 */
const frugalSettings = `set -eu
dir=$1/etc/systemd/system
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \\
  systemd-udev-trigger.service systemd-udev-settle.service \\
  systemd-ask-password-console.path systemd-ask-password-wall.path; do
  ln -sf /dev/null "$dir/$unit"
done
mkdir -p "$dir/systemd-networkd.service.d" "$dir/multi-user.target.wants"
printf '[Service]\\nReadOnlyPaths=/sys\\n' >"$dir/systemd-networkd.service.d/container.conf"
ln -sf /dev/null "$dir/multi-user.target.wants/systemd-logind.service"`;

/** systemd 247 takes two things for failures that an ordinary user's container cannot do; later ones do not. */
const oldSystemd = `set -eu
dir=$1/etc/systemd/system
ln -s /dev/null "$dir/systemd-journald-audit.socket"
mkdir "$dir/systemd-udev-trigger.service.d"
printf '[Service]\\nExecStart=\\nExecStart=-udevadm trigger --subsystem-match=net --action=add\\n' >"$dir/systemd-udev-trigger.service.d/container.conf"`;

/**
 * cloud-init takes what LXD's templates write, and asks nobody on the network. Keys of hosts are made on first boot.
 * The names of the network's other instances are completed by its domain, which cloud-init's own files leave out.
 */
const cloudSettings = `set -eu
root=$1
printf 'datasource_list: [ NoCloud, None ]\\n' >"$root/etc/cloud/cloud.cfg.d/99-container.cfg"
rm -f "$root"/etc/ssh/ssh_host_*
rm -f "$root/etc/systemd/network/10-eth0.network"
for file in 10-cloud-init-eth0.network 10-netplan-eth0.network; do
  mkdir -p "$root/etc/systemd/network/$file.d"
  printf '[DHCPv4]\\nUseDomains=true\\n' >"$root/etc/systemd/network/$file.d/domains.conf"
done`;

const seed = "/var/lib/cloud/seed/nocloud-net";
const cloud = (name: string, text: string, fallback?: string): Recipe["templates"][number] => ({
  path: `${seed}/${name}`,
  template: `cloud-init-${name}.tpl`,
  when: ["create", "copy"],
  create_only: false,
  properties: fallback === undefined ? {} : { default: fallback },
  text,
});
const setting = (name: string) =>
  `{{ config_get("cloud-init.${name}", config_get("user.${name}", properties.default)) }}\n`;

/** What cloud-init reads, from the settings of an instance. */
export const cloudTemplates: Recipe["templates"] = [
  cloud(
    "meta-data",
    '#cloud-config\ninstance-id: {{ config_get("volatile.cloud-init.instance-id", instance.name) }}\n' +
      "local-hostname: {{ instance.name }}\n" +
      '{{ config_get("user.meta-data", "") }}\n',
  ),
  cloud("user-data", setting("user-data"), "#cloud-config\n{}"),
  cloud("vendor-data", setting("vendor-data"), "#cloud-config\n{}"),
  cloud(
    "network-config",
    setting("network-config"),
    "version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n      - type: dhcp\n        control: auto",
  ),
];
