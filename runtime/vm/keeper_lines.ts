// What the keeper of a virtual machine reads: the machine's facts as lines of words. Pure.

import { nicLines } from "./nics.ts";
import { rootDrive } from "./drives.ts";
import { guestWords } from "./guest.ts";
import {
  devices,
  hasLateShares,
  isLate,
  type Machine,
  nicDevices,
  portDrives,
  portsTaken,
  qemuWords,
  shareIds,
} from "./machine.ts";
import type { Plug } from "./ports.ts";
import { shareChardev, shareDeviceId, shareLine } from "./shares.ts";
import { tpmLine, tpmPrepare } from "./tpm.ts";
import { vsockLines } from "./vsock.ts";
import { withoutPowers } from "./without_powers.ts";

/**
 * What a machine is given when it has gone on, or its guest has waited, as commands of the monitor; one whose guest
 * learns is given it back where its memory has been kept.
 */
function plugs(machine: Machine): Plug[] {
  const isBack = comesBack(machine);
  if (!hasLateShares(machine) && !isBack) return [];
  return [
    ...shareIds(machine).map(shareChardev),
    ...devices(machine).filter((device) => isBack || isLate(machine, device)).map((device): Plug => [
      "device_add",
      device,
    ]),
    ...(machine.waits ? portDrives(machine) : []),
  ];
}

/** Whether what is in it from the start is taken out where its memory is kept. */
const comesBack = ({ learns, resumes }: Machine) => learns === true && resumes === undefined;

/** What it is told of itself, as words. */
const whoWords = ({ name, uuid, nics, guest, asks, vsock }: Machine): string =>
  ` name=${name} uuid=${uuid} nics=${nics.map(({ hwaddr }) => hwaddr.toLowerCase()).join(",")}` +
  (asks ? " devlxd=1" : "") + (vsock === undefined ? "" : " vsock=1") + guestWords(guest);

/**
 * The lines that the keeper reads.
 *
 * @param patience `seconds` from the start in which a command waits for the agent
 */
export function keeperLines(
  machine: Machine,
  { patience, instead }: {
    patience: number;
    /** the machine to begin where its memory cannot be used */
    instead?: Machine;
  },
): string[][] {
  return [
    ["set", "patience", String(patience)],
    ...(machine.openMark === undefined ? [] : [["set", "mark", machine.openMark]]),
    ["set", "waits", machine.waits || machine.learns && !machine.resumes?.once ? "1" : ""],
    ...learningLines(machine),
    ["set", "who", whoWords(machine)],
    ...(machine.resumes === undefined ? [] : [
      ["set", "load", machine.resumes.path],
      ["set", "once", machine.resumes.once ? "1" : ""],
    ]),
    ...machine.prepare.map((argv) => ["prepare", ...argv]),
    ...(machine.tpm === undefined ? [] : [["prepare", ...tpmPrepare(machine.tpm)], tpmLine(machine.tpm)]),
    ...machine.nics.flatMap(nicLines),
    ...machine.shares.map((share, index) => shareLine(share, shareIds(machine)[index] ?? "")),
    ...plugs(machine).map(([command, words]) => ["plug", command, JSON.stringify(words)]),
    ...vsockLines(machine.vsock, machine.nics.length + portsTaken(machine) - 1),
    ["machine", ...withoutPowers, ...qemuWords(machine)],
    ...(instead === undefined ? [] : [
      ...instead.prepare.map((argv) => ["other", "prepare", ...argv]),
      ["other", "machine", ...withoutPowers, ...qemuWords(instead)],
    ]),
  ];
}

/** What the keeper takes out of a machine, and gives back, to keep its memory; and the disk that belongs to that. */
function learningLines(machine: Machine): string[][] {
  if (!comesBack(machine)) return [];
  const root = machine.drives.find(({ id }) => id === rootDrive)?.image;
  return [
    ...(root?.kind === "qcow2" ? [["set", "disk", root.path]] : []),
    ...nicDevices(machine).map(({ id }) => ["own", id]),
    ...shareIds(machine).map((id) => ["own", shareDeviceId(id), id]),
  ];
}
