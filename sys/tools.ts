// The programs drey calls, the Debian packages they come in, and where they are on this host.

export interface Tool {
  name: string;
  /** Debian package */
  in: string;
  /** what drey does with it, a noun phrase */
  purpose: string;
  /** without it, only this is not possible */
  onlyFor?:
    | "sub-ids"
    | "building images"
    | "packed images"
    | "networks"
    | "virtual machines"
    | "migration";
}

export const tools: readonly Tool[] = [
  { name: "unshare", in: "util-linux", purpose: "Making the namespaces of a container" },
  { name: "nsenter", in: "util-linux", purpose: "Running commands in a container" },
  { name: "setsid", in: "util-linux", purpose: "Letting a container outlive the command that starts it" },
  { name: "perl", in: "perl-base", purpose: "The first stage inside the namespaces" },
  { name: "tar", in: "tar", purpose: "Unpacking images" },
  { name: "newuidmap", in: "uidmap", purpose: "Mapping subordinate user ids", onlyFor: "sub-ids" },
  { name: "newgidmap", in: "uidmap", purpose: "Mapping subordinate group ids", onlyFor: "sub-ids" },
  { name: "mmdebstrap", in: "mmdebstrap", purpose: "Building Debian images", onlyFor: "building images" },
  {
    name: "unsquashfs",
    in: "squashfs-tools",
    purpose: "Unpacking squashfs images",
    onlyFor: "packed images",
  },
  { name: "xz", in: "xz-utils", purpose: "Unpacking images packed with xz", onlyFor: "packed images" },
  { name: "zstd", in: "zstd", purpose: "Unpacking images packed with zstd", onlyFor: "packed images" },
  { name: "ip", in: "iproute2", purpose: "Bridges and the cables of instances", onlyFor: "networks" },
  { name: "nft", in: "nftables", purpose: "Address translation and filters", onlyFor: "networks" },
  { name: "dnsmasq", in: "dnsmasq-base", purpose: "Addresses and names of instances", onlyFor: "networks" },
  { name: "rsync", in: "rsync", purpose: "Instances to and from other servers", onlyFor: "migration" },
  {
    name: Deno.build.arch === "x86_64" ? "qemu-system-x86_64" : "qemu-system-aarch64",
    in: Deno.build.arch === "x86_64" ? "qemu-system-x86" : "qemu-system-arm",
    purpose: "Running virtual machines",
    onlyFor: "virtual machines",
  },
  {
    name: "qemu-img",
    in: "qemu-utils",
    purpose: "Disks of virtual machines",
    onlyFor: "virtual machines",
  },
  {
    name: "mke2fs",
    in: "e2fsprogs",
    purpose: "Disks made of the files of images",
    onlyFor: "virtual machines",
  },
];

/** The Debian package of a program; its own name if drey has no better guess. */
export function packageOf(tool: string): string {
  return tools.find((row) => row.name === tool)?.in ?? tool;
}

/** The file a program's name stands for, looked for along a `PATH`. */
export function findTool(tool: string, path: string): string | undefined {
  return path.split(":").map((directory) => `${directory}/${tool}`).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    const info = Deno.statSync(path);
    return info.isFile && ((info.mode ?? 0) & 0o111) !== 0;
  } catch (error) {
    // not here, or in a directory we may not look into
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
