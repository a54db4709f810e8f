// Archives in the format of initial ram disks: cpio "newc", initramfs-buffer-format.rst.

import { concat } from "@std/bytes";

export type CpioEntry =
  | { path: string; type: "directory" }
  | { path: string; type: "file"; content: Uint8Array; executable?: boolean }
  | { path: string; type: "link"; target: string }
  | { path: string; type: "character"; major: number; minor: number };

const modes = { directory: 0o40755, file: 0o100644, link: 0o120777, character: 0o20600 };

/** The archive, everything in it root's; the directories above an entry must come before it. */
export function formatCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const add = (entry: CpioEntry | { path: string; type: "end" }, inode: number) => {
    const path = encoder.encode(`${entry.path}\0`);
    const content = entry.type === "file"
      ? entry.content
      : entry.type === "link"
      ? encoder.encode(entry.target)
      : new Uint8Array();
    const mode = entry.type === "end" ? 0 : modes[entry.type] | (isExecutable(entry) ? 0o111 : 0);
    const device = entry.type === "character" ? [entry.major, entry.minor] : [0, 0];
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, path.length, 0];
    const header = encoder.encode(`070701${fields.map((n) => n.toString(16).padStart(8, "0")).join("")}`);
    parts.push(header, path, padding(header.length + path.length), content, padding(content.length));
  };
  entries.forEach((entry, index) => add(entry, index + 1));
  add({ path: "TRAILER!!!", type: "end" }, 0);
  return concat(parts);
}

const isExecutable = (entry: { type: string; executable?: boolean }) => entry.executable ?? false;

const padding = (length: number) => new Uint8Array((4 - length % 4) % 4);
