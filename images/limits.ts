// How far an archive may blow up: what systems are made of shrinks to a tenth at best.

import { invalid } from "./archive.ts";

/** `bytes` anything may unpack to, and how many times its packed size beyond that */
const harmless = 1 << 30;
const mostTimes = 200;

/**
 * Stops archives that are made to fill the disk.
 *
 * @throws {DreyError} `IMAGE_INVALID`
 */
export function mustNotBurst(bytes: number, packed: number): void {
  if (bytes <= harmless || bytes <= packed * mostTimes) return;
  throw invalid(`it unpacks to more than ${mostTimes} times its size`);
}
