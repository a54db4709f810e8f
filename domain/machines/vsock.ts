// Whether a virtual machine has a vsock device, and which number: LXD's `volatile.vsock_id`. The numbers are the host's, and
// machines of all its users draw from them.

import { isFreeForGuest } from "../../sys/vsock.ts";
import type { Config } from "../../wire/instance.ts";
import { isOpenInBox } from "./devices.ts";

/** Where the number is remembered. */
export const vsockKey = "volatile.vsock_id";

/** How many numbers are tried. */
const most = 16;

/** Below are the host's own; above are some that mean any. vsock(7) */
const [first, end] = [3, 2 ** 31];

/**
 * Numbers for a machine, the one that it had before first. Those that follow are spread, so that users of one host seldom
 * want the same.
 */
export function wantedIds(config: Config): number[] {
  const had = Number(config[vsockKey]);
  const isUsable = Number.isInteger(had) && had >= first && had < end;
  const seed = config["volatile.uuid"] ?? "";
  const drawn = Array.from({ length: most }, (_, index) => first + hash(`${seed} ${index}`) % (end - first));
  return isUsable ? [had, ...drawn] : drawn;
}

/** 32 bits of FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/**
 * The number of a machine that is about to start; undefined for one that is reached by its serial port alone.
 *
 * @param isFree whether a number can be had; undefined where none can
 */
export function chooseVsockId(
  config: Config,
  isFree: (cid: number) => boolean | undefined = isFreeInBox,
): number | undefined {
  for (const cid of wantedIds(config)) {
    const answer = isFree(cid);
    if (answer !== false) return answer === undefined ? undefined : cid;
  }
  return undefined;
}

const isFreeInBox = (cid: number) => isOpenInBox("vhost-vsock") ? isFreeForGuest(cid) : undefined;
