// Terminals as the kernel has them: pairs of a master and a slave.

import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "./descriptors.ts";
import { checked, libc } from "./libc.ts";

/** Sets the size of a terminal, in characters. */
export function setWindowSize(fd: number, size: { rows: number; columns: number }): void {
  const TIOCSWINSZ = 0x5414n;
  const winsize = new Uint16Array([size.rows, size.columns, 0, 0]);
  checked(
    libc.ioctl(fd, TIOCSWINSZ, new Uint8Array(winsize.buffer)),
    "ioctl(2) TIOCSWINSZ",
    `descriptor ${fd}`,
  );
}

/** Unlocks the slave of a terminal's master and returns its number below /dev/pts. */
export function unlockTerminal(master: number): number {
  const TIOCSPTLCK = 0x40045431n;
  const TIOCGPTN = 0x80045430n;
  const number = new Uint8Array(4);
  checked(libc.ioctl(master, TIOCSPTLCK, number), "ioctl(2) TIOCSPTLCK", "/dev/ptmx");
  checked(libc.ioctl(master, TIOCGPTN, number), "ioctl(2) TIOCGPTN", "/dev/ptmx");
  return new DataView(number.buffer).getInt32(0, true);
}

/** Opens the slave of a terminal by its master, whatever file system it lives in; ioctl_tty(2), TIOCGPTPEER. */
export function openTerminalPeer(master: number): number {
  const TIOCGPTPEER = 0x5441n;
  const number = BigInt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  const ioctl = Deno.build.arch === "x86_64" ? 16n : 29n;
  return checked(
    libc.syscall(ioctl, BigInt(master), TIOCGPTPEER, number),
    "ioctl(2) TIOCGPTPEER",
    "/dev/ptmx",
  );
}
