// Talking to the keeper of a virtual machine from this process: whether the machine is there, and its own sockets.

import { dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { closeFd, openFd } from "../../sys/descriptors.ts";
import { formatWords } from "../step_words.ts";
import { frameKinds, longestFrame } from "./frames.pl.ts";

const O_PATH = 0o10000000;

/** Connects to a door; the path may be longer than the name of a socket. @throws {DreyError} `INSTANCE_STATE` */
async function connectDoor(door: string): Promise<Deno.UnixConn> {
  const directory = openFd(dirname(door), O_PATH);
  try {
    const path = join(`/proc/self/fd/${directory}`, door.split("/").at(-1) ?? "");
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const isGone = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused;
    if (!isGone) throw error;
    throw new DreyError("INSTANCE_STATE", { message: "The virtual machine does not run" });
  } finally {
    closeFd(directory);
  }
}

interface Frame {
  kind: number;
  payload: Uint8Array;
}

function format(kind: keyof typeof frameKinds, text = ""): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, frameKinds[kind]);
  view.setUint32(5, payload.length);
  bytes.set(payload, 9);
  return bytes;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Exactly so many bytes; undefined if the other side ends before. */
async function readExactly(connection: Deno.Conn, length: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await connection.read(bytes.subarray(at)).catch((error) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    if (n === null) return undefined;
    at += n;
  }
  return bytes;
}

async function readFrame(connection: Deno.Conn): Promise<Frame | undefined> {
  const header = await readExactly(connection, 9);
  if (header === undefined) return undefined;
  const view = new DataView(header.buffer);
  const length = view.getUint32(5);
  if (length > longestFrame) {
    throw new DreyError("COMMAND_FAILED", { message: "The virtual machine sends a message without end" });
  }
  const payload = await readExactly(connection, length);
  return payload && { kind: view.getUint8(4), payload };
}

/**
 * Waits until the machine has begun to run.
 *
 * @returns what it is: `stale` if the memory that it was to go on from was of no use; undefined if its keeper has ended
 */
export async function awaitMachine(door: string): Promise<"running" | "stale" | undefined> {
  try {
    using connection = await connectDoor(door);
    await writeAll(connection, format("hello"));
    const answer = await readFrame(connection);
    if (answer?.kind !== frameKinds.hello) return undefined;
    return new TextDecoder().decode(answer.payload) === "stale" ? "stale" : "running";
  } catch (error) {
    if (isEnd(error)) return undefined;
    throw error;
  }
}

const isEnd = (error: unknown): boolean =>
  error instanceof DreyError || error instanceof Deno.errors.BrokenPipe ||
  error instanceof Deno.errors.ConnectionReset;

/**
 * Takes what a machine has in its memory once its guest waits to be told who it is; it goes on afterwards.
 *
 * @throws {DreyError} `INSTANCE_STATE` if it ends instead, `COMMAND_FAILED` if it does not come so far
 */
export async function takeMemory(
  door: string,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  const connection = await connectDoor(door);
  try {
    await writeAll(connection, format("save"));
    for (;;) {
      const frame = await readFrame(connection);
      if (frame === undefined) throw hasEnded();
      if (frame.kind === frameKinds.data) take(frame.payload.subarray(1));
      else if (frame.kind === frameKinds.exit && frame.payload[3] === 0) return;
      else throw refusal("Cannot keep the memory of the virtual machine", frame);
    }
  } catch (error) {
    if (error instanceof DreyError || !isEnd(error)) throw error;
    throw hasEnded();
  } finally {
    connection.close();
  }
}

/**
 * Has a machine write its memory into a file of its box; it is halted from then on.
 *
 * @throws {DreyError} `COMMAND_FAILED` with the reason, and the machine goes on
 */
export async function saveMemory(door: string, path: string): Promise<void> {
  using connection = await connectDoor(door);
  await writeAll(connection, format("save", path));
  const frame = await readFrame(connection);
  if (frame === undefined) throw hasEnded();
  if (frame.kind !== frameKinds.hello) throw refusal("Cannot save the state of the virtual machine", frame);
}

/** Has lines of words done in the box of a machine. @throws {DreyError} `COMMAND_FAILED` with what failed */
export async function doInBox(door: string, lines: readonly (readonly string[])[]): Promise<void> {
  using connection = await connectDoor(door);
  await writeAll(connection, format("do", formatWords(lines)));
  const frame = await readFrame(connection);
  if (frame === undefined) throw hasEnded();
  if (frame.kind !== frameKinds.hello) throw refusal("Cannot change the virtual machine", frame);
}

const hasEnded = () => new DreyError("INSTANCE_STATE", { message: "The virtual machine has ended" });

function refusal(what: string, { kind, payload }: Frame): DreyError {
  const why = kind === frameKinds.refusal ? `: ${new TextDecoder().decode(payload)}` : "";
  return new DreyError("COMMAND_FAILED", { message: `${what}${why}` });
}

/** Whether the agent in the guest answers. @throws {DreyError} `INSTANCE_STATE` */
export async function hasAgent(door: string): Promise<boolean> {
  using connection = await connectDoor(door);
  await writeAll(connection, format("hello"));
  const answer = await readFrame(connection);
  return answer !== undefined && new TextDecoder().decode(answer.payload) === "agent";
}

/**
 * Connects to a socket of the machine, such as `qmp` or `vga`; what follows are its own bytes.
 *
 * @throws {DreyError} `INSTANCE_STATE` if it does not run or has no such socket
 */
export async function leadTo(door: string, name: string): Promise<Deno.UnixConn> {
  const connection = await connectDoor(door);
  try {
    await writeAll(connection, format("lead", name));
    const answer = await readFrame(connection);
    if (answer?.kind === frameKinds.lead) return connection;
    const why = answer === undefined ? "it has ended" : new TextDecoder().decode(answer.payload);
    throw new DreyError("INSTANCE_STATE", { message: `Cannot reach the virtual machine: ${why}` });
  } catch (error) {
    connection.close();
    throw error;
  }
}
