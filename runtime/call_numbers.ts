// Numbers of system calls, which Perl knows none of by name.

import { diskCalls } from "./disk_hands.pl.ts";

/** System calls by number; syscalls(2), asm/unistd.h. */
const numbers = {
  x86_64: {
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    unshare: 272,
    setns: 308,
    setresuid: 117,
    setresgid: 119,
    setgroups: 116,
    keyctl: 250,
    dup3: 292,
    close_range: 436,
    setsid: 112,
    socket: 41,
    pidfd_open: 434,
    clone3: 435,
    exit_group: 231,
    sethostname: 170,
    fchownat: 260,
    mkdirat: 258,
    mknodat: 259,
    utimensat: 280,
    statfs: 137,
    fstatfs: 138,
    fsync: 74,
    prlimit64: 302,
    splice: 275,
    syncfs: 306,
    prctl: 157,
    seccomp: 317,
  },
  aarch64: {
    mount: 40,
    umount2: 39,
    pivot_root: 41,
    unshare: 97,
    setns: 268,
    setresuid: 147,
    setresgid: 149,
    setgroups: 159,
    keyctl: 219,
    dup3: 24,
    close_range: 436,
    setsid: 157,
    socket: 198,
    pidfd_open: 434,
    clone3: 435,
    exit_group: 94,
    sethostname: 161,
    fchownat: 54,
    mkdirat: 34,
    mknodat: 33,
    utimensat: 88,
    statfs: 43,
    fstatfs: 44,
    fsync: 82,
    prlimit64: 261,
    splice: 76,
    syncfs: 267,
    prctl: 167,
    seccomp: 277,
  },
} as const;

/** The call numbers the walker is given, as its first line. */
export function callNumbers(arch: "x86_64" | "aarch64" = Deno.build.arch): Record<string, number> {
  return { ...numbers[arch], ...diskCalls };
}
