// Room for what the processors of an emulated machine are translated to. QEMU divides it into regions: the thread of a
// processor takes one when it begins and another when that is full; once all are full, all are free again. A thread that
// begins while none is free ends the machine (an assertion in tcg_region_initial_alloc() of tcg/region.c). So whoever
// plugs a processor in looks for room first, and has the guest fill the rest where there is none.

import { DreyError } from "../../errors.ts";
import { runInGuest } from "./guest_program.ts";
import { hasAgent } from "./door.ts";
import type { Monitor } from "./qmp.ts";

/** `MiB` for all of it: a machine takes gigabytes of the host's memory if nobody says otherwise */
export const translationRoom = 48;

/** Regions that QEMU makes of it: tcg_n_regions(). */
export function regionCount(maxCpus: number): number {
  if (maxCpus === 1) return 1;
  const most = translationRoom / 2;
  return most <= maxCpus ? maxCpus : Math.min(most, maxCpus * 8);
}

/**
 * Whether a thread that begins finds a region, and one more is left for what the others take meanwhile.
 *
 * @param said what the monitor answers to `info jit`
 * @param cpus processors that are there
 */
export function hasRegion(said: string, { cpus, maxCpus }: { cpus: number; maxCpus: number }): boolean {
  const [, used, size] = /^gen code size\s+(\d+)\/(\d+)/m.exec(said) ?? [];
  if (used === undefined || size === undefined) return true;
  const count = regionCount(maxCpus);
  // a region counts as full a little before it is
  const full = Math.floor(Number(used) / (Number(size) / count * 0.97));
  return full + cpus + 1 < count;
}

/** A program of half a megabyte that loads a word again and again, and ends: its code, then what it is in. */
const filling = {
  x86_64: { machine: 62, load: "488b0424", end: "b83c00000031ff0f05", memfd_create: 319 },
  aarch64: { machine: 183, load: "e00340f9", end: "000080d2a80b80d2010000d4", memfd_create: 279 },
};

const program = ({ machine, load, end, memfd_create }: typeof filling["x86_64"]) =>
  String.raw`
my $code = pack('H*', '${load}') x 131072 . pack('H*', '${end}');
my ($base, $head) = (0x400000, 120);
my $size = $head + length $code;
my $elf = pack('a4 C5 x7 S S L Q Q Q L S6', "\x7fELF", 2, 1, 1, 0, 0, 2, ${machine}, 1, $base + $head, 64, 0, 0, 64, 56, 1, 0, 0, 0)
  . pack('L L Q6', 1, 5, 0, $base, $base, $size, $size, 65536) . $code;
my $name = 'fill';
my $fd = syscall ${memfd_create}, $name, 0;
exit 1 if $fd < 0;
open my $file, '+<&=', $fd or exit 1;
while (length $elf) { my $n = syswrite $file, $elf or exit 1; substr($elf, 0, $n) = '' }
exec { "/proc/self/fd/$fd" } 'fill';
exit 1;
`;

/** times that the guest is asked for it: the rest is at most as large as all processors' regions and two more */
const patience = 12;

/** Waits until a processor can be plugged in. @throws {DreyError} `CONFLICT` if the guest does not make room for it */
export async function makeRegion(
  monitor: Monitor,
  door: string,
  machine: { cpus: number; maxCpus: number },
): Promise<void> {
  for (let tries = 0;; tries++) {
    const said = await monitor.execute("human-monitor-command", { "command-line": "info jit" });
    if (hasRegion(String(said), machine)) return;
    if (tries >= patience || !await fill(door)) {
      throw new DreyError("CONFLICT", {
        message:
          "Cannot give the running virtual machine another processor: it is emulated, and QEMU has no room",
        hint: "Try again later, or stop it first",
      });
    }
  }
}

async function fill(door: string): Promise<boolean> {
  if (!await hasAgent(door)) return false;
  const argv = ["/usr/bin/perl", "-e", program(filling[Deno.build.arch])];
  return (await runInGuest(door, argv)).code === 0;
}
