// A virtual machine as plain facts, and the words of QEMU's command line that follow from them. Pure; nothing is looked up
// here.

import { rootTag } from "./first.pl.ts";
import { agentPort } from "./agent.pl.ts";
import { guestRoot } from "./box.ts";
import {
  type BiosBoot,
  type Drive,
  drivePlugs,
  drivePorts,
  driveWords,
  firmwareBoard,
  type FirmwareBoot,
  firmwareWords,
} from "./drives.ts";
import type { Guest } from "./guest.ts";
import { type HostDevice, hostDeviceWords, portsFor } from "./host_devices.ts";
import { type Nic, nicBackend, nicDevice } from "./nics.ts";
import { type Plug, portId, portWords } from "./ports.ts";
import { type Share, shareDevice, shareDriver, socketOf, type Virtiofsd } from "./shares.ts";
import { screenWords } from "./screen.ts";
import { translationRoom } from "./translations.ts";
import { type Tpm, tpmWords } from "./tpm.ts";
import type { Vsock } from "./vsock.ts";

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
  /** its board with a version, where it has to be the one it was */
  board?: string;
  boot: DirectBoot | FirmwareBoot | BiosBoot;
  drives: Drive[];
  /** commands that the box runs before anything of the machine starts */
  prepare: string[][];
  /** a file of the box that goes when the machine has ended as it should */
  openMark?: string;
  /** directories of the box that the guest can mount, by tag */
  shares: Share[];
  nics: Nic[];
  /** devices of the host */
  host: HostDevice[];
  /** places on its bus for shares, NICs and what is plugged in later */
  ports: number;
  /** whether the guest waits to be told who it is, and is given its shares, drives and NICs only then */
  waits: boolean;
  /** whether the agent of its own system asks who it is; it has its shares, drives and NICs from the start */
  learns?: boolean;
  /** whether a guest that is told who it is has a socket to ask at, /dev/lxd/sock */
  asks?: boolean;
  /** what it is told of its root */
  guest?: Guest;
  /** file of the box with what it has in its memory */
  resumes?: {
    path: string;
    /** whether it counts once: nothing else will do, and it is removed when the machine goes on */
    once: boolean;
  };
  tpm?: Tpm;
  hasScreen?: boolean;
  /** for a guest that waits */
  vsock?: Vsock;
}

/** A kernel of the host's choice, which finds its root by what the initial ram disk does. */
export interface DirectBoot {
  kind: "direct";
  kernel: string;
  /** of the kernel */
  version: string;
  initrd: string;
  /** words for the kernel and the first program */
  words: string[];
}

const programs = { x86_64: "qemu-system-x86_64", aarch64: "qemu-system-aarch64" };
const boards = { x86_64: "q35", aarch64: "virt,gic-version=max" };
const serials = { x86_64: "ttyS0", aarch64: "ttyAMA0" };

/** The device of the machine's serial port in the guest. */
const serialOf = ({ arch }: Pick<Machine, "arch">): string => serials[arch];

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
    ...bootWords(machine),
    ...generationWords(machine),
    ...(machine.boot.kind === "direct" ? [] : driveWords(machine.drives)),
    ...sockets(),
    ...portWords(machine.ports),
    ...machine.nics.flatMap((nic, index) => ["-netdev", JSON.stringify(nicBackend(nic, index))]),
    // a connection is for one machine: where another may have to be begun, it is made when that runs
    ...(hasLateShares(machine) ? [] : machine.shares.flatMap((_, index) => ["-chardev", chardevWord(index)])),
    ...devices(machine).filter((device) => !isLate(machine, device)).flatMap((device) => [
      "-device",
      JSON.stringify(device),
    ]),
    ...(machine.waits ? [] : portDrives(machine)).flatMap(([command, words]) => [
      command === "device_add" ? "-device" : "-blockdev",
      JSON.stringify(words),
    ]),
    ...hostDeviceWords(machine.host, hostPorts(machine)),
    ...(machine.tpm === undefined ? [] : tpmWords(machine.arch)),
    ...(machine.hasScreen ? screenWords(machine.arch) : []),
  ];
}

function hardware(
  { arch, board = boards[arch], accelerator, cpus, maxCpus, memory, hugepages, boot }: Machine,
): string[] {
  const more = boot.kind === "firmware" ? firmwareBoard(boot, arch) : "";
  const size = `${Math.floor(memory / 1024 / 1024)}M`;
  const backend = hugepages
    ? "memory-backend-memfd,hugetlb=on,prealloc=on"
    // shared, since virtiofsd reads and writes the guest's memory itself
    : "memory-backend-memfd";
  return [
    ...["-machine", `${board},memory-backend=ram,usb=off${more}`],
    ...["-accel", accelerator === "kvm" ? "kvm" : `tcg,thread=multi,tb-size=${translationRoom}`],
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

function bootWords({ boot, arch }: Machine): string[] {
  if (boot.kind === "firmware") return firmwareWords(boot, arch);
  // what QEMU has where nothing else is said
  if (boot.kind === "bios") return [];
  return ["-kernel", boot.kernel, "-initrd", boot.initrd, "-append", boot.words.join(" ")];
}

/** Another number for each machine that goes on from a memory, by which a guest knows that its time has moved. */
const generationWords = ({ boot, arch }: Machine): string[] =>
  boot.kind === "firmware" && arch === "x86_64" ? ["-device", "vmgenid,guid=auto"] : [];

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
    ...["-device", `virtserialport,bus=serial.0,chardev=agent,id=agent,name=${agentPort}`],
  ];
}

const chardevWord = (index: number) => `socket,id=${shareId(index)},path=${socketOf(shareId(index))}`;

const shareId = (index: number) => `share${index}`;

/** What its shares are called in the machine, each with a device `device-ID`. */
export const shareIds = ({ shares }: Pick<Machine, "shares">): string[] =>
  shares.map((_, index) => shareId(index));

/** Ports of devices of the host: those behind the others, but for that of its vsock. */
function hostPorts(machine: Machine): string[] {
  const { nics, host } = machine;
  const first = nics.length + portsTaken({ ...machine, host: [], vsock: undefined });
  return Array.from({ length: portsFor(host) }, (_, index) => portId(first + index));
}

/** What is behind the machine's ports from its start: its NICs, then its shares; drives and the host's devices follow. */
export const devices = (machine: Machine) => [...nicDevices(machine), ...shareDevices(machine)];

/** What is behind the first of its ports. */
export const nicDevices = ({ nics }: Machine) =>
  nics.map((nic, index) => nicDevice(nic, { index, bus: portId(index) }));

const shareDevices = ({ nics, shares }: Machine) =>
  shares.map(({ tag }, index) => shareDevice({ id: shareId(index), tag, bus: portId(nics.length + index) }));

/**
 * Drives of a machine that boots a kernel of the host's choice: behind its ports, after its shares, so that they are at
 * the same places whether they come late or not.
 */
export const portDrives = ({ boot, drives, nics, shares }: Machine): Plug[] =>
  boot.kind === "direct" ? drivePlugs(drives, nics.length + shares.length) : [];

/** How many places on its bus a machine takes from its start. */
export const portsTaken = (
  { boot, drives, shares, host, vsock }: Pick<Machine, "boot" | "drives" | "shares" | "host"> & {
    vsock?: Vsock | undefined;
  },
): number =>
  shares.length + (boot.kind === "direct" ? drivePorts(drives) : 0) + portsFor(host) +
  (vsock === undefined ? 0 : 1);

/** Shares are in nobody's saved memory: QEMU cannot save a machine that has any. */
export const hasLateShares = ({ waits, resumes }: Machine) => waits || resumes !== undefined;

/** Whether it begins from a memory that was another's, in which there is nothing of its own. */
export const isAnother = ({ learns, resumes }: Machine): boolean =>
  learns === true && resumes !== undefined && !resumes.once;

/** Whether it comes when the machine has gone on, or its guest has waited. */
export const isLate = (machine: Machine, { driver }: { driver: string }) =>
  machine.waits || isAnother(machine) || hasLateShares(machine) && driver === shareDriver;

/** Words for a kernel of the host's choice. */
export function kernelWords(machine: Pick<Machine, "arch" | "hasScreen">): string[] {
  return [
    // the last is where programs write that ask for the console
    ...(machine.hasScreen ? ["console=tty0"] : []),
    `console=${serialOf(machine)}`,
    "quiet",
    "panic=-1",
    // an emulated timer that comes late, as on a busy host, is taken for one that never comes: check_timer() of Linux
    ...(machine.arch === "x86_64" ? ["no_timer_check"] : []),
    "net.ifnames=0",
    // images for containers have no udev, which would say that the terminal is there
    "systemd.getty_auto=0",
    "systemd.wants=console-getty.service",
    ...(machine.hasScreen ? ["systemd.wants=getty@tty1.service"] : []),
    // who it is it learns when it has come that far: until then all are alike
    "drey.waits=1",
  ];
}

/** The share that is the root. */
export function rootShare(virtiofsd: Virtiofsd): Share {
  return { tag: rootTag, directory: guestRoot, virtiofsd };
}
