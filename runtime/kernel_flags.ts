// Flags of the kernel that steps name.

/** Linux constants used in steps; the same on every architecture. */
export const flags = {
  MS_RDONLY: 1,
  MS_NOSUID: 2,
  MS_NODEV: 4,
  MS_NOEXEC: 8,
  MS_REMOUNT: 32,
  MS_BIND: 4096,
  MS_REC: 16384,
  MS_PRIVATE: 1 << 18,
  MS_RELATIME: 1 << 21,
  MNT_DETACH: 2,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
} as const;

/** Flags of mount(2), by the names steps give them. */
export const mountFlags = {
  ro: flags.MS_RDONLY,
  nosuid: flags.MS_NOSUID,
  nodev: flags.MS_NODEV,
  noexec: flags.MS_NOEXEC,
  remount: flags.MS_REMOUNT,
  bind: flags.MS_BIND,
  rec: flags.MS_REC,
  private: flags.MS_PRIVATE,
  relatime: flags.MS_RELATIME,
} as const;
export type MountFlag = keyof typeof mountFlags;

/** Kinds of namespaces, for unshare(2). */
export const namespaceFlags = {
  mnt: flags.CLONE_NEWNS,
  cgroup: flags.CLONE_NEWCGROUP,
  uts: flags.CLONE_NEWUTS,
  ipc: flags.CLONE_NEWIPC,
  user: flags.CLONE_NEWUSER,
  pid: flags.CLONE_NEWPID,
  net: flags.CLONE_NEWNET,
} as const;
export type NamespaceKind = keyof typeof namespaceFlags;

/** Attributes of a mount that take rights away; mount_setattr(2). */
export const attributeBits = { ro: 1, nosuid: 2, nodev: 4, noexec: 8, nosymfollow: 0x200000 } as const;
export type MountAttribute = keyof typeof attributeBits;
