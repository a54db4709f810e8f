// Commands for a virtual machine itself, whatever its guest does: QEMU's monitor protocol, behind the keeper's door.
// qmp-spec.txt

import { DreyError } from "../../errors.ts";
import { leadTo } from "./door.ts";
import { rootDrive } from "./drives.ts";

/** A conversation; the machine has one monitor for it, so others wait until it is disposed. */
export interface Monitor extends Disposable {
  /**
   * Has a command done, and gives what it returns.
   *
   * @throws {DreyError} `COMMAND_FAILED` with what the machine said; `INSTANCE_STATE` if it ends meanwhile
   */
  execute(command: string, words?: Record<string, unknown>): Promise<unknown>;
}

interface Answer {
  return?: unknown;
  error?: { desc: string };
}

/** @throws {DreyError} `INSTANCE_STATE` if the machine does not run */
export async function openMonitor(door: string): Promise<Monitor> {
  const connection = await leadTo(door, "qmp");
  try {
    const lines = linesOf(connection);
    const execute: Monitor["execute"] = async (command, words) => {
      const text = JSON.stringify({ execute: command, ...(words === undefined ? {} : { arguments: words }) });
      await writeAll(connection, new TextEncoder().encode(`${text}\n`));
      for (;;) {
        const { value: line, done } = await lines.next();
        if (done) throw new DreyError("INSTANCE_STATE", { message: "The virtual machine has ended" });
        const answer = JSON.parse(line) as Answer;
        if (answer.error !== undefined) {
          throw new DreyError("COMMAND_FAILED", {
            message: `The virtual machine refused "${command}": ${answer.error.desc}`,
          });
        }
        if ("return" in answer) return answer.return;
        // what else it tells are events, for nobody here
      }
    };
    await execute("qmp_capabilities");
    return { execute, [Symbol.dispose]: () => connection.close() };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** a guest that has broken out of its machine has got no further than there: it is not to fill our memory */
const longestLine = 1 << 24;

async function* linesOf(connection: Deno.Conn): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(65536);
  let rest = "";
  for (;;) {
    const count = await connection.read(bytes);
    if (count === null) return undefined;
    const lines = (rest + decoder.decode(bytes.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > longestLine) {
      throw new DreyError("COMMAND_FAILED", { message: "The virtual machine answers without end" });
    }
    yield* lines.filter((line) => line.trim() !== "");
  }
}

interface BlockNode {
  "node-name": string;
  image: { "virtual-size": number };
}

/** Lets a machine's own disk grow to so many `bytes`, if it is smaller. @throws {DreyError} `COMMAND_FAILED` */
export async function growDisk(door: string, size: number): Promise<void> {
  using monitor = await openMonitor(door);
  const nodes = await monitor.execute("query-named-block-nodes", { flat: true }) as BlockNode[];
  const root = nodes.find(({ "node-name": name }) => name === rootDrive);
  if (root === undefined || root.image["virtual-size"] >= size) return;
  // whole sectors
  await monitor.execute("block_resize", { "node-name": rootDrive, size: Math.ceil(size / 512) * 512 });
}

/** Halts the guest, with all that it has written in its disks' files, until `work` is done. */
export async function whileHalted<T>(door: string, work: () => Promise<T>): Promise<T> {
  await once(door, "stop");
  try {
    return await work();
  } finally {
    await goOn(door);
  }
}

/** Lets a halted guest go on; nothing happens to one that is not. @throws {DreyError} `INSTANCE_STATE` */
export const goOn = (door: string): Promise<void> => once(door, "cont");

async function once(door: string, command: string): Promise<void> {
  using monitor = await openMonitor(door);
  await monitor.execute(command);
}
