// Directories that a virtual machine can mount, and the program that serves them. Pure.

import { socketDirectory } from "./keeper_box.pl.ts";
import type { Plug } from "./ports.ts";

export interface Share {
  tag: string;
  directory: string;
  /** program that serves it */
  virtiofsd: Virtiofsd;
}

/** The server of shared directories, which there are two of. */
export interface Virtiofsd {
  path: string;
  kind: "c" | "rust";
}

/** Path in the box of a socket of the machine's. */
export const socketOf = (name: string): string => `${socketDirectory}/${name}`;

/** The line for the keeper that starts the server of a share; `id` names its socket too. */
export function shareLine({ directory, virtiofsd }: Share, id: string): string[] {
  const socket = socketOf(id);
  return ["helper", socket, ...virtiofsdWords(virtiofsd, socket, directory)];
}

/** The machine's end of the socket, as a command. */
export const shareChardev = (id: string): Plug => ["chardev-add", {
  id,
  backend: {
    type: "socket",
    data: { addr: { type: "unix", data: { path: socketOf(id) } }, server: false },
  },
}];

/** Id of what a guest sees of a share. */
export const shareDeviceId = (id: string): string => `device-${id}`;

export const shareDriver = "vhost-user-fs-pci";

export const shareDevice = ({ id, tag, bus }: { id: string; tag: string; bus: string }) => ({
  driver: shareDriver,
  id: shareDeviceId(id),
  chardev: id,
  tag,
  "queue-size": 1024,
  bus,
});

function virtiofsdWords({ path, kind }: Virtiofsd, socket: string, directory: string): string[] {
  if (kind === "rust") {
    return [
      path,
      `--socket-path=${socket}`,
      `--shared-dir=${directory}`,
      "--sandbox=chroot",
      "--cache=auto",
      "--xattr",
      "--announce-submounts",
    ];
  }
  const options = [`source=${directory}`, "sandbox=chroot", "cache=auto", "xattr", "announce_submounts"];
  return [
    path,
    `--socket-path=${socket}`,
    "--thread-pool-size=0",
    ...options.flatMap((word) => ["-o", word]),
  ];
}
