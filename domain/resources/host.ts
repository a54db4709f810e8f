// Where the facts about hardware are read from; tests bring directories of their own.

export interface HostTrees {
  /** sysfs(5) */
  sys: string;
  /** proc(5) */
  proc: string;
  /** where Debian keeps pci.ids and usb.ids */
  ids: string;
}

export const realTrees: HostTrees = { sys: "/sys", proc: "/proc", ids: "/usr/share/misc" };
