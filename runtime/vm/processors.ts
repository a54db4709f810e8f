// Which of the host's processors those of a running virtual machine run on: each is a thread of QEMU's, and the keeper,
// who is the same user, says where it may run.

import { doInBox } from "./door.ts";
import { openMonitor } from "./qmp.ts";

interface Processor {
  "cpu-index": number;
  "thread-id": number;
}

/**
 * Lines for the keeper.
 *
 * @param on processors of the host, one for each of the machine's in their order; or any of `all`
 */
export function pinLines(
  processors: readonly Processor[],
  on: { each: readonly number[] } | { all: readonly number[] },
): string[][] {
  return processors.toSorted((a, b) => a["cpu-index"] - b["cpu-index"]).map(
    ({ "thread-id": thread }, index) => {
      const own = "each" in on ? on.each[index % on.each.length] : undefined;
      const cpus = own === undefined ? "all" in on ? on.all : on.each : [own];
      return ["pin", String(thread), ...cpus.map(String)];
    },
  );
}

/** @throws {DreyError} `COMMAND_FAILED` if the host has none of them, or not for this user */
export async function pinProcessors(door: string, on: Parameters<typeof pinLines>[1]): Promise<void> {
  const processors = await (async () => {
    using qmp = await openMonitor(door);
    return await qmp.execute("query-cpus-fast") as Processor[];
  })();
  await doInBox(door, pinLines(processors, on));
}
