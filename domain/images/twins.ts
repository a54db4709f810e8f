// Images of containers as LXD's client wants them for virtual machines: it takes the type of an instance from its image,
// and has no word for a machine that shares a container's root. So every such image has a twin that is nowhere listed:
// its alias ends in `/vm`, its fingerprint is the other's backwards.

import type { Image } from "../../wire/image.ts";

const suffix = "/vm";

/** The alias of the image whose twin is named; undefined if none is. */
export function twinnedAlias(name: string): string | undefined {
  return name.endsWith(suffix) && name !== suffix ? name.slice(0, -suffix.length) : undefined;
}

/** The fingerprint of an image's twin, or of that whose twin it is. */
export const otherFingerprint = (fingerprint: string): string => [...fingerprint].reverse().join("");

/** The twin of an image. */
export const twinOf = (image: Image): Image => ({
  ...image,
  type: "virtual-machine",
  fingerprint: otherFingerprint(image.fingerprint),
  aliases: [],
});
