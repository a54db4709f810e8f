// The TPM of a virtual machine: a program in its box plays it, and keeps what it knows in a directory. Pure.

import { socketDirectory } from "./keeper_box.pl.ts";
import { withoutPowers } from "./without_powers.ts";

export interface Tpm {
  /** directory of the box; made if need be */
  directory: string;
}

/** Debian package of the same name. */
export const tpmProgram = "swtpm";

const socket = `${socketDirectory}/tpm`;

/** What the box runs before. */
export const tpmPrepare = (
  { directory }: Tpm,
): string[] => ["/usr/bin/mkdir", "-p", "-m", "0700", "--", directory];

/** The line that has the keeper start it. */
export const tpmLine = ({ directory }: Tpm): string[] => [
  "helper",
  socket,
  ...withoutPowers,
  `/usr/bin/${tpmProgram}`,
  "socket",
  "--tpm2",
  ...["--tpmstate", `dir=${directory},mode=0600`],
  ...["--ctrl", `type=unixio,path=${socket},mode=0600`],
  ...["--flags", "startup-clear"],
];

/** Words of QEMU's command line. */
export const tpmWords = (arch: "x86_64" | "aarch64"): string[] => [
  ...["-chardev", `socket,id=tpm,path=${socket}`],
  ...["-tpmdev", "emulator,id=tpm0,chardev=tpm"],
  ...["-device", `${arch === "x86_64" ? "tpm-crb" : "tpm-tis-device"},tpmdev=tpm0`],
];
