// Device nodes of the host that a container has without any device of its own.

import { canOpen } from "../../sys/present.ts";

/** Device nodes every container gets, and those it gets where the host's user may use them. */
export const deviceNodes = {
  always: ["null", "zero", "full", "random", "urandom", "tty"],
  ifUsable: ["fuse", "net/tun"],
};

/** Device nodes that exist and that the user may open. */
export function usableNodes(): string[] {
  // absent, or not for this user: the container goes without, as the user does
  return [...deviceNodes.always, ...deviceNodes.ifUsable.filter((node) => canOpen(`/dev/${node}`))];
}
