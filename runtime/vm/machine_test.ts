// From a machine's facts to what the keeper starts.

import { assert, assertEquals } from "@std/testing";
import type { Drive } from "./drives.ts";
import type { Guest } from "./guest.ts";
import { keeperLines } from "./keeper_lines.ts";
import { kernelWords, type Machine, portsTaken, qemuWords, rootShare } from "./machine.ts";

const machine: Machine = {
  name: "v1",
  uuid: "11111111-2222-3333-4444-555555555555",
  arch: "x86_64",
  accelerator: "kvm",
  cpus: 2,
  maxCpus: 4,
  memory: 512 * 1024 * 1024,
  hugepages: false,
  boot: {
    kind: "direct",
    version: "6.1",
    kernel: "/drey/kernel",
    initrd: "/drey/initrd",
    words: kernelWords({ arch: "x86_64" }),
  },
  drives: [],
  prepare: [],
  shares: [rootShare({ path: "/usr/libexec/virtiofsd", kind: "rust" })],
  nics: [{ name: "eth0", hwaddr: "00:16:3e:00:00:01", mtu: 1500, by: "packet" }],
  host: [],
  ports: 8,
  waits: false,
};

const after = (words: readonly string[], flag: string) => words.filter((_, at) => words[at - 1] === flag);

Deno.test("a machine has its sandbox on, and nothing of it listens on a network", () => {
  const words = qemuWords(machine);
  assert(after(words, "-sandbox")[0]?.startsWith("on,"));
  assert(words.includes("-nodefaults") && words.includes("-no-user-config"));
  for (const word of words) assert(!/(^|[,:=])(tcp|udp|telnet|vnc|host=|port=)/.test(word), word);
});

Deno.test("processors, memory and the kernel's words are the machine's", () => {
  const words = qemuWords(machine);
  assertEquals(after(words, "-smp"), ["2,maxcpus=4"]);
  assertEquals(after(words, "-m"), ["512M"]);
  assertEquals(after(words, "-cpu"), ["host"]);
  assertEquals(after(qemuWords({ ...machine, accelerator: "tcg" }), "-cpu"), ["max"]);
  const [append = ""] = after(words, "-append");
  assert(append.split(" ").includes("no_timer_check"));
  assert(append.split(" ").includes("drey.waits=1") && append.split(" ").includes("console=ttyS0"));
});

Deno.test("a NIC's frames come by a tap device, or from an interface that counts checksums itself", () => {
  const lines = keeperLines(machine, { patience: 30 });
  assertEquals(lines.find(([what]) => what === "plain"), ["plain", "in0"]);
  assertEquals(lines.find(([what]) => what === "nic"), ["nic", "drey0", "/run/drey/nic0"]);
  const nic = { ...machine.nics[0]!, by: "tap" as const };
  const tapped = keeperLines({ ...machine, nics: [nic] }, { patience: 30 });
  assertEquals(tapped.filter(([what]) => what === "plain" || what === "nic"), []);
  assert(tapped.some((line) => line.join(" ") === "prepare ip tuntap add dev tap0 mode tap"));
  const told = (more: Partial<typeof nic>) =>
    qemuWords({ ...machine, nics: [{ ...nic, ...more }] }).join(" ");
  assert(!told({}).includes("vhost=") && !told({}).includes('"vhost":'));
  assert(/vhost(=on|":true)/.test(told({ byKernel: true })));
});

Deno.test("an interface of the host keeps its address, and the bridge of the box does not take it for its own", () => {
  const nic = { ...machine.nics[0]!, keepsAddress: true };
  const lines = keeperLines({ ...machine, nics: [nic] }, { patience: 30 }).map((line) => line.join(" "));
  assertEquals(lines.some((line) => line.startsWith("prepare ip link set eth0 address")), false);
  assert(lines.includes("prepare bridge fdb delete 00:16:3e:00:00:01 dev eth0 master"));
});

Deno.test("both servers of shared directories are told the socket that the machine connects to", () => {
  const rust = keeperLines(machine, { patience: 30 }).find(([what]) => what === "helper") ?? [];
  const c = keeperLines(
    { ...machine, shares: [rootShare({ path: "/usr/lib/qemu/virtiofsd", kind: "c" })] },
    { patience: 30 },
  ).find(([what]) => what === "helper") ?? [];
  const socket = rust[1];
  assert(qemuWords(machine).some((word) => word.includes(`path=${socket}`)));
  for (const line of [rust, c]) assert(line.includes(`--socket-path=${socket}`));
});

Deno.test("a guest that waits is given its shares and NICs by its monitor, and nothing of them before", () => {
  const words = qemuWords({ ...machine, waits: true });
  assert(!words.some((word) => /vhost-user-fs|virtio-net/.test(word)));
  const lines = keeperLines({ ...machine, waits: true }, { patience: 30 });
  const plugs = lines.filter(([what]) => what === "plug");
  assertEquals(plugs.map(([, command]) => command), ["chardev-add", "device_add", "device_add"]);
  const ports = plugs.flatMap(([, , text]) => /"bus":"(port\d+)"/.exec(text ?? "")?.[1] ?? []);
  assertEquals(new Set(ports).size, 2);
  const who = lines.find(([what, name]) => what === "set" && name === "who")?.[2] ?? "";
  assert(who.includes(" name=v1 ") && who.includes(" nics=00:16:3e:00:00:01"));
  // what a machine of another name does alike can go on from its memory
  const other = { ...machine, waits: true, uuid: "other", nics: [], shares: [] };
  const kind = (one: Machine) => qemuWords({ ...one, name: "", uuid: "", nics: [], shares: [] });
  assertEquals(kind({ ...machine, waits: true }), kind(other));
});

Deno.test("drives of a guest that waits come late, and are at the same places when it goes on", () => {
  const disk = (id: string, bus: Drive["bus"]): Drive => ({
    id,
    serial: id,
    image: { kind: "read-only", path: `/drey/${id}` },
    bus,
  });
  const drives = [disk("root", "virtio-blk"), disk("data", "virtio-scsi"), disk("fast", "nvme")];
  const guest: Guest = {
    hasDisk: true,
    mounts: [{ tag: "lxd_a b", path: "/srv/a b", isReadOnly: true }],
    fills: [{ path: "/etc/hostname", text: "v1\n", fresh: false }],
  };
  const late = { ...machine, drives, guest, waits: true };
  assert(!qemuWords(late).some((word) => /virtio-blk|scsi|nvme/.test(word)));
  assertEquals(portsTaken(late), 4);
  const lines = keeperLines(late, { patience: 30 });
  const busOf = (text = "") =>
    /"bus":"(port\d+)"/.exec(text)?.[1] &&
    [/"id":"([^"]+)"/.exec(text)?.[1], /"bus":"(port\d+)"/.exec(text)?.[1]];
  const places = lines.filter(([what]) => what === "plug").flatMap(([, , text]) => [busOf(text)])
    .filter((place) => place !== undefined);
  assertEquals(places.slice(-3), [["scsi", "port2"], ["drive-root", "port3"], ["drive-fast", "port4"]]);
  const resumed = { ...late, waits: false, resumes: { path: "/guest/memory", once: true } };
  const again = after(qemuWords(resumed), "-device").flatMap((text) => [busOf(text)])
    .filter((place) => place !== undefined);
  assertEquals(again.slice(-3), places.slice(-3));
  const who = lines.find(([what, name]) => what === "set" && name === "who")?.[2] ?? "";
  // whatever a name holds, it is one word
  assert(
    who.endsWith(
      " root=disk mounts=6c78645f612062:2f7372762f612062:1 fills=2f6574632f686f73746e616d65:76310a:0",
    ),
  );
});

Deno.test("a guest that learns who it is loses its NICs and shares while its memory is kept, and another has them late", () => {
  const root: Drive = {
    id: "root",
    serial: "lxd_root",
    image: { kind: "qcow2", path: "/guest/disk.1.qcow2", cache: "none" },
    bus: "virtio-scsi",
  };
  const first: Machine = {
    ...machine,
    boot: { kind: "firmware", code: "/code", variables: "/variables", isSecure: false },
    drives: [root],
    learns: true,
    guest: { hasDisk: false, mounts: [], fills: [] },
  };
  const lines = keeperLines(first, { patience: 30 });
  assertEquals(lines.filter(([what]) => what === "own"), [["own", "net-eth0"], [
    "own",
    "device-share0",
    "share0",
  ]]);
  assertEquals(lines.find(([, name]) => name === "disk")?.[2], "/guest/disk.1.qcow2");
  const has = (words: readonly string[]) => words.some((word) => /"virtio-net-pci"/.test(word));
  assert(has(qemuWords(first)));
  const another = { ...first, resumes: { path: "/drey/memory", once: false } };
  const others = keeperLines(another, { patience: 30, instead: first });
  assert(!has(qemuWords(another)) && others.every(([what]) => what !== "own"));
  assertEquals(others.filter(([what]) => what === "plug").length, 3);
  // where that memory is of no use, it is begun like the first
  assertEquals(others.at(-1)?.slice(2), lines.find(([what]) => what === "machine")?.slice(1));
  // one that goes on from its own memory knows who it is, and has its NICs
  const saved = { ...first, resumes: { path: "/guest/memory", once: true } };
  assert(has(qemuWords(saved)));
  assert(keeperLines(saved, { patience: 30 }).some((line) => line.join(" ") === "set waits "));
});

Deno.test("a machine of the other architecture has its board and nothing of a PC's", () => {
  const words = qemuWords({
    ...machine,
    arch: "aarch64",
    boot: { kind: "firmware", code: "/code", variables: "/variables", isSecure: true },
    tpm: { directory: "/guest/tpm" },
    hasScreen: true,
  });
  assertEquals(words[0], "/usr/bin/qemu-system-aarch64");
  assert(after(words, "-machine")[0]?.startsWith("virt,gic-version=max,"));
  assert(words.includes("tpm-tis-device,tpmdev=tpm0") && words.includes("virtio-gpu-pci,id=screen"));
  for (const word of words) assert(!/q35|smm=|ICH9|tpm-crb|virtio-vga/.test(word), word);
  const kernel = kernelWords({ arch: "aarch64" });
  assert(kernel.includes("console=ttyAMA0") && !kernel.includes("no_timer_check"));
});

Deno.test("a TPM is played by a helper that keeps what it knows in the box, before the machine starts", () => {
  const lines = keeperLines({ ...machine, tpm: { directory: "/guest/tpm" } }, { patience: 30 });
  const [prepare, helper] = [
    lines.findIndex((line) => line.includes("mkdir") || line.includes("/usr/bin/mkdir")),
    lines.findIndex((line) => line.includes("/usr/bin/swtpm")),
  ];
  assert(prepare >= 0 && prepare < helper, lines.map((line) => line.join(" ")).join("\n"));
  const socket = lines[helper]?.[1];
  assert(lines.at(-1)?.includes(`socket,id=tpm,path=${socket}`));
});
