// A virtual machine as plain facts, and what follows from them: the words of QEMU's command line, and the lines that the
// keeper reads. Pure; nothing is looked up here.

import { rootTag } from "./first.pl.ts";
import { agentPort } from "./agent.pl.ts";
import { guestRoot } from "./box.ts";
import { type Drive, driveWords, firmwareBoard, type FirmwareBoot, firmwareWords } from "./drives.ts";
import { socketDirectory } from "./keeper.pl.ts";

export interface Machine {
  name: string;
  uuid: string;
  arch: "x86_64" | "aarch64";
  accelerator: "kvm" | "tcg";
  /** virtual processors at its start */
  cpus: number;
  /** processors it may be given while it runs */
  maxCpus: number;
  /** `bytes` */
  memory: number;
  /** whether its memory is in huge pages */
  hugepages: boolean;
  boot: DirectBoot | FirmwareBoot;
  drives: Drive[];
  /** commands that the box runs before anything of the machine starts */
  prepare: string[][];
  /** a file of the box that goes when the machine has ended as it should */
  openMark?: string;
  /** directories of the box that the guest can mount, by tag */
  shares: Share[];
  cards: Card[];
}

/** A kernel of the host's choice, which finds its root by what the initial ram disk does. */
export interface DirectBoot {
  kind: "direct";
  kernel: string;
  initrd: string;
  /** words for the kernel and the first program */
  words: string[];
}

export interface Share {
  tag: string;
  directory: string;
  /** program that serves it */
  virtiofsd: Virtiofsd;
}

/** The server of shared directories, which there are two of. */
export interface Virtiofsd {
  path: string;
  kind: "c" | "rust";
}

/** A network card: an interface of the box, whose address the guest's card has. */
export interface Card {
  /** interface in the box, made for the container that a box otherwise is */
  name: string;
  hwaddr: string;
  mtu: number;
  /** `tap` where /dev/net/tun can be opened, else frames are read from the interface itself */
  by: "tap" | "packet";
}

const programs = { x86_64: "qemu-system-x86_64", aarch64: "qemu-system-aarch64" };
const boards = { x86_64: "q35", aarch64: "virt,gic-version=max" };
const serials = { x86_64: "ttyS0", aarch64: "ttyAMA0" };

/** The device of the machine's serial port in the guest. */
export const serialOf = ({ arch }: Pick<Machine, "arch">): string => serials[arch];

const socketOf = (name: string) => `${socketDirectory}/${name}`;

/** argv of QEMU; `{fd:NAME}` stands for a descriptor that the keeper gives it. */
export function qemuWords(machine: Machine): string[] {
  return [
    `/usr/bin/${programs[machine.arch]}`,
    ...["-name", `${machine.name},debug-threads=on`],
    ...["-uuid", machine.uuid],
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    ...["-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-rtc", "base=utc"],
    ...hardware(machine),
    ...bootWords(machine.boot),
    ...driveWords(machine.drives),
    ...sockets(),
    ...machine.shares.flatMap((share, index) => shareWords(share, index)),
    ...machine.cards.flatMap((card, index) => cardWords(card, index)),
  ];
}

function hardware({ arch, accelerator, cpus, maxCpus, memory, hugepages, boot }: Machine): string[] {
  const more = boot.kind === "firmware" ? firmwareBoard(boot) : "";
  const size = `${Math.floor(memory / 1024 / 1024)}M`;
  const backend = hugepages
    ? "memory-backend-memfd,hugetlb=on,prealloc=on"
    // shared, since virtiofsd reads and writes the guest's memory itself
    : "memory-backend-memfd";
  return [
    ...["-machine", `${boards[arch]},memory-backend=ram,usb=off${more}`],
    // what is translated is kept in memory of the host's, by the gigabyte if nobody says otherwise
    ...["-accel", accelerator === "kvm" ? "kvm" : "tcg,thread=multi,tb-size=64"],
    ...["-cpu", accelerator === "kvm" ? "host" : "max"],
    ...["-smp", `${cpus},maxcpus=${maxCpus}`],
    ...["-m", size],
    ...["-object", `${backend},id=ram,size=${size},share=on`],
    ...["-object", "rng-builtin,id=rng"],
    ...["-device", "virtio-rng-pci,rng=rng"],
    // memory that the guest frees goes back to the host
    ...["-device", "virtio-balloon-pci,id=balloon,free-page-reporting=on,deflate-on-oom=on"],
  ];
}

function bootWords(boot: DirectBoot | FirmwareBoot): string[] {
  if (boot.kind === "firmware") return firmwareWords(boot);
  return ["-kernel", boot.kernel, "-initrd", boot.initrd, "-append", boot.words.join(" ")];
}

function sockets(): string[] {
  return [
    // the console is the terminal that a container would have
    ...["-chardev", "serial,id=console,path=/dev/console"],
    ...["-serial", "chardev:console"],
    ...["-chardev", "socket,id=qmp,fd={fd:qmp}"],
    ...["-mon", "chardev=qmp,mode=control"],
    ...["-chardev", `socket,id=monitor,path=${socketOf("qmp")},server=on,wait=off`],
    ...["-mon", "chardev=monitor,mode=control"],
    ...["-device", "virtio-serial-pci,id=serial"],
    ...["-chardev", "socket,id=agent,fd={fd:agent}"],
    ...["-device", `virtserialport,bus=serial.0,chardev=agent,name=${agentPort}`],
  ];
}

function shareWords({ tag }: Share, index: number): string[] {
  const path = socketOf(`share${index}`);
  return [
    ...["-chardev", `socket,id=share${index},path=${path}`],
    ...["-device", `vhost-user-fs-pci,chardev=share${index},tag=${tag},queue-size=1024`],
  ];
}

function cardWords({ name, hwaddr, mtu, by }: Card, index: number): string[] {
  const backend = by === "tap"
    ? `tap,id=card${index},ifname=${tapOf(index)},script=no,downscript=no`
    : `dgram,id=card${index},local.type=fd,local.str={fd:card-${packetOf(index)}}`;
  return [
    ...["-netdev", backend],
    ...[
      "-device",
      `virtio-net-pci,netdev=card${index},mac=${hwaddr},host_mtu=${mtu},id=net-${name},romfile=`,
    ],
  ];
}

const tapOf = (index: number) => `tap${index}`;
const packetOf = (index: number) => `drey${index}`;

/**
 * What is done in the box for a card before the machine starts: its interface and the machine's become ports of a
 * bridge. The kernel would leave checksums and large frames to a card that has hands for them, and a machine that reads
 * frames from an interface has none.
 */
function cardLines({ name, mtu, by }: Card, index: number): string[][] {
  const [bridge, tap, inner, outer] = [`br${index}`, tapOf(index), `in${index}`, packetOf(index)];
  const ip = (...words: string[]) => ["prepare", "ip", ...words];
  const port = by === "tap"
    ? [ip("tuntap", "add", "dev", tap, "mode", "tap")]
    : [ip("link", "add", inner, "type", "veth", "peer", "name", outer), ["plain", inner]];
  const mine = by === "tap" ? [tap] : [inner];
  return [
    // it keeps the name, which the hub looks for; the guest alone has its address
    ip("link", "set", name, "down"),
    ip("link", "set", name, "address", guarded(index)),
    ip(
      "link",
      "add",
      bridge,
      "mtu",
      String(mtu),
      "type",
      "bridge",
      "forward_delay",
      "0",
      "mcast_snooping",
      "0",
    ),
    ...port,
    ...[name, ...mine].map((link) => ip("link", "set", link, "mtu", String(mtu), "master", bridge)),
    ...[name, ...mine, bridge].map((link) => ip("link", "set", link, "up")),
    ...(by === "packet"
      ? [ip("link", "set", outer, "mtu", String(mtu)), ip("link", "set", outer, "up"), ["card", outer]]
      : []),
  ];
}

/** An address that is locally administered and nobody's. */
const guarded = (index: number) => `02:00:00:00:00:${(index + 1).toString(16).padStart(2, "0")}`;

function helperLine({ directory, virtiofsd }: Share, index: number): string[] {
  const socket = socketOf(`share${index}`);
  return ["helper", socket, ...virtiofsdWords(virtiofsd, socket, directory)];
}

function virtiofsdWords({ path, kind }: Virtiofsd, socket: string, directory: string): string[] {
  if (kind === "rust") {
    return [
      path,
      `--socket-path=${socket}`,
      `--shared-dir=${directory}`,
      "--sandbox=chroot",
      "--cache=auto",
      "--xattr",
      "--announce-submounts",
    ];
  }
  const options = [`source=${directory}`, "sandbox=chroot", "cache=auto", "xattr", "announce_submounts"];
  return [
    path,
    `--socket-path=${socket}`,
    "--thread-pool-size=0",
    ...options.flatMap((word) => ["-o", word]),
  ];
}

/**
 * The lines that the keeper reads.
 *
 * @param patience `seconds` from the start in which a command waits for the agent
 */
export function keeperLines(machine: Machine, { patience }: { patience: number }): string[][] {
  return [
    ["set", "patience", String(patience)],
    ...(machine.openMark === undefined ? [] : [["set", "mark", machine.openMark]]),
    ...machine.prepare.map((argv) => ["prepare", ...argv]),
    ...machine.cards.flatMap(cardLines),
    ...machine.shares.map(helperLine),
    ["machine", ...qemuWords(machine)],
  ];
}

/** Words for the kernel of a machine whose root is shared. */
export function sharedRootWords(machine: Pick<Machine, "arch" | "name">, init: string | undefined): string[] {
  return [
    `console=${serialOf(machine)}`,
    "quiet",
    "panic=-1",
    "net.ifnames=0",
    // images for containers have no udev, which would say that the terminal is there
    "systemd.getty_auto=0",
    "systemd.wants=console-getty.service",
    `drey.name=${machine.name}`,
    ...(init === undefined ? [] : [`drey.init=${init}`]),
  ];
}

/** The share that is the root. */
export function rootShare(virtiofsd: Virtiofsd): Share {
  return { tag: rootTag, directory: guestRoot, virtiofsd };
}
