// Files and device nodes of the host that come to the box of a virtual machine while it runs, and go.

import type { BoxFile } from "../container_plan.ts";
import { plugDisk, plugNode, type RunningContainer, unplugDisk } from "../disks.ts";
import { boxFiles } from "./box.ts";

/** Shows a file to a box, where the machine's files are. @throws {DreyError} `KERNEL_REFUSED` */
export async function plugBoxFile(
  box: RunningContainer,
  { name, source, id = idOf(source), isWritable = false, node }: BoxFile,
): Promise<void> {
  const path = `${boxFiles}/${name}`;
  if (typeof node === "object") return await plugNode(box, { ...node, path });
  await plugDisk(box, {
    source,
    id,
    path,
    recursive: false,
    attributes: [
      "nosuid",
      ...(node === undefined ? ["nodev" as const] : []),
      ...(isWritable || node !== undefined ? [] : ["ro" as const]),
    ],
    propagation: "private",
  });
}

function idOf(source: string): string {
  const { dev, ino } = Deno.statSync(source);
  return `${dev}:${ino}`;
}

/** Takes it away; nothing happens if it is not there. @throws {DreyError} `KERNEL_REFUSED` */
export const unplugBoxFile = (box: RunningContainer, name: string): Promise<void> =>
  unplugDisk(box, `${boxFiles}/${name}`, { isNode: true });
