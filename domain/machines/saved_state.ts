// What a machine was when its memory was saved: it lies beside the memory in the machine's root, and a machine that is
// to go on from there must be the same one. Pure but for reading the file.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { stateNames } from "../../runtime/vm/disk_root.ts";
import { guestRoot } from "../../runtime/vm/box.ts";
import type { Machine } from "../../runtime/vm/machine.ts";
import { readIfThere } from "../../sys/present.ts";

export interface SavedState {
  machine: Machine;
  /** the board with its version, such as `pc-q35-7.2` */
  board: string;
  /** what its settings asked for then: it may have been given other limits while it ran */
  asked: { memory: number; cpus: number };
}

/** What is saved, in the layers of a root from the top; undefined without it. */
export function readSavedState(layers: readonly string[]): SavedState | undefined {
  for (const layer of layers) {
    const text = readIfThere(join(layer, stateNames.facts));
    if (text !== undefined && text !== "") return JSON.parse(text) as SavedState;
  }
  return undefined;
}

/**
 * A machine that goes on from its saved memory.
 *
 * @param asked what its settings ask for now
 * @throws {DreyError} `CONFLICT` if it is another one than it was
 */
export function resumed(
  machine: Machine,
  saved: SavedState,
  asked: SavedState["asked"],
): Machine {
  const isAskedTheSame = asked.memory === saved.asked.memory && asked.cpus === saved.asked.cpus;
  const changed = [
    ...(isAskedTheSame ? [] : ["limits"]),
    ...compared.filter((part) => kindOf(machine[part]) !== kindOf(saved.machine[part])),
  ];
  if (changed.length > 0 || !/^[\w.-]+$/.test(saved.board)) {
    throw new DreyError("CONFLICT", {
      message: `Cannot go on from the saved state of the virtual machine: these have changed: ${
        changed.join(", ")
      }`,
      hint: "Set them back, or give the state up: drey start --stateless",
    });
  }
  return {
    ...machine,
    // its guest knows who it is
    waits: false,
    memory: saved.machine.memory,
    board: saved.board,
    resumes: { path: `${guestRoot}/${stateNames.memory}`, once: true },
  };
}

/** A part of a machine as text; a disk may have got another file over the one it was written to. */
const kindOf = (part: unknown): string =>
  JSON.stringify(part ?? []).replaceAll(/"[^"]*\/disk\.\d+\.qcow2"/g, '"disk"');

const compared = [
  "arch",
  "accelerator",
  "maxCpus",
  "hugepages",
  "boot",
  "drives",
  "shares",
  "nics",
  "host",
  "ports",
] as const;
