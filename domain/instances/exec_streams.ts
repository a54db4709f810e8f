// The streams of an exec: which socket is which, and the copying between them and the process.

import { DreyError } from "../../errors.ts";
import { type AttachedTerminal, signalAttached } from "../../runtime/attach.ts";
import { openTerminal } from "../../runtime/pty.ts";
import { inAWhile } from "../../sys/clock.ts";
import { endingOf } from "../../sys/ending.ts";
import type { PipedChild, Sink, Source } from "../../sys/piped_child.ts";
import { signals } from "../../sys/processes.ts";
import type { Message, Socket } from "../../wire/socket.ts";

/** `milliseconds` a client has to connect its streams */
const connectTime = 30_000;
/** `milliseconds` a stream may stay silent once the command has ended, when something left behind keeps it open */
const lingering = 50;

/** The sockets of one exec, by LXD's names: "0", "1", "2", "control". */
export interface ExecStreams {
  /** secrets by name, for the operation's metadata */
  readonly secrets: Record<string, string>;
  connect(secret: string, socket: Socket): Promise<void>;
  /** waits for every stream but control, which is a courtesy of the client */
  ready(): Promise<void>;
  get(name: string): Socket | undefined;
  /** calls back with the control socket, whenever it connects */
  onControl(listener: (socket: Socket) => void): void;
}

/**
 * Streams of these names that wait for their sockets, each with a secret of its own.
 *
 * @param isHere whether the client is in this process: there is no need to end what it does not connect in time
 */
export function createStreams(names: readonly string[], { isHere = false } = {}): ExecStreams {
  const secrets = Object.fromEntries(names.map((name) => [name, secret()]));
  const sockets = new Map<string, Socket>();
  const control = Promise.withResolvers<Socket>();
  const all = Promise.withResolvers<void>();
  return {
    secrets,
    get: (name) => sockets.get(name),
    onControl: (listener) => void control.promise.then(listener),
    connect(given, socket) {
      const name = names.find((key) => secrets[key] === given && !sockets.has(key));
      if (name === undefined) {
        throw new DreyError("FORBIDDEN", {
          message: "The secret belongs to no stream that is still awaited",
        });
      }
      sockets.set(name, socket);
      if (name === "control") control.resolve(socket);
      if (names.every((key) => key === "control" || sockets.has(key))) all.resolve();
      return Promise.resolve();
    },
    async ready() {
      if (isHere) return await all.promise;
      const given = () =>
        all.reject(new DreyError("TIMEOUT", { message: "Timed out waiting for websockets to connect" }));
      const clock = setTimeout(given, connectTime);
      try {
        await all.promise;
      } finally {
        clearTimeout(clock);
      }
    },
  };
}

function secret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** A command that runs, and that may be sent signals for as long as it does: after that its pid is another's. */
interface Command {
  /** its exit status */
  readonly ended: Promise<number>;
  signal(signal: number): void;
}

function commandOf({ pid, ended }: Pick<PipedChild, "pid" | "ended">): Command {
  let isOver = false;
  return {
    ended: ended.finally(() => {
      isOver = true;
    }),
    signal(signal) {
      // what cannot be done about a command is its own affair, see followControl()
      pid.then((known) => isOver || signalAttached(known, signal)).catch(() => {});
    },
  };
}

/** Runs a command on pipes to its end; the answer is its exit status. */
export async function runPiped(child: PipedChild, streams: ExecStreams): Promise<number> {
  const command = commandOf(child);
  followControl(streams, command, () => {});
  void feedInput(streams.get("0"), child.input);
  await Promise.all([
    copyOutput(child.output, streams.get("1"), command.ended),
    copyOutput(child.errors, streams.get("2"), command.ended),
  ]);
  const code = await command.ended;
  streams.get("0")?.close();
  return code;
}

/** Runs a command on a terminal to its end; the answer is its exit status. */
export async function runOnTerminal(attached: AttachedTerminal, streams: ExecStreams): Promise<number> {
  const { pid, status } = attached.child;
  const command = commandOf({ pid: Promise.resolve(pid), ended: status.then(({ code }) => code) });
  await using terminal = await openTerminal(attached.master);
  followControl(streams, command, terminal.resize);
  const socket = streams.get("0");
  if (socket === undefined) throw new Error("a terminal needs its socket");
  const input = async () => {
    for await (const message of socket.messages) {
      if (typeof message !== "string") await terminal.write(message);
    }
    command.signal(signals.HUP); // the client is gone: what a hang-up of a real terminal does
  };
  input().catch(() => {}); // a terminal that takes nothing more has ended, as its output tells
  void command.ended.then(() => setTimeout(terminal.finish, lingering));
  for await (const chunk of terminal.output) await socket.send(chunk);
  await socket.send("");
  const code = await command.ended;
  socket.close();
  return code;
}

/** `bytes` of a stream that are kept: a command that says more must not fill the disk */
const longestRecord = 64 * 1024 * 1024;

/**
 * Runs a command without input, its output going to files.
 *
 * @returns its exit status, and whether it said more than is kept
 */
export async function runRecorded(
  child: PipedChild,
  files: { stdout: string; stderr: string },
  limit = longestRecord,
): Promise<{ code: number; isCut: boolean }> {
  await child.input.close();
  let isCut = false;
  const keep = async (source: Source, path: string) => {
    const file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
    const writer = file.writable.getWriter();
    let room = limit;
    try {
      await copy(source, child.ended, async (chunk) => {
        // read on, or the command would wait for ever
        if (chunk.length > room) isCut = true;
        if (room > 0) await writer.write(chunk.subarray(0, room));
        room -= Math.min(room, chunk.length);
        return true;
      });
    } finally {
      await writer.close();
    }
  };
  await Promise.all([keep(child.output, files.stdout), keep(child.errors, files.stderr)]);
  return { code: await child.ended, isCut };
}

/** Obeys the control socket: sizes and signals, as `lxc` words them. */
function followControl(
  streams: ExecStreams,
  command: Command,
  resize: (size: { columns: number; rows: number }) => void,
): void {
  const obey = async (socket: Socket) => {
    void command.ended.then(() => socket.close());
    for await (const message of socket.messages) {
      const text = typeof message === "string" ? message : new TextDecoder().decode(message);
      const order = parseOrder(text);
      if (order?.command === "window-resize") {
        resize({ columns: Number(order.args?.width ?? 80), rows: Number(order.args?.height ?? 24) });
      } else if (order?.command === "signal" && isSignal(order.signal)) command.signal(order.signal);
    }
    command.signal(signals.KILL); // the client is gone, and nobody will hear how it ends
  };
  // what cannot be done about a command is its own affair: it ends for all that, and its client hears how
  streams.onControl((socket) => void obey(socket).catch(() => {}));
}

interface ControlOrder {
  command: string;
  args?: { width?: string; height?: string };
  /** whatever the client calls one */
  signal?: unknown;
}

/** signal(7): 0 is none, and 64 the last */
const isSignal = (signal: unknown): signal is number =>
  Number.isInteger(signal) && Number(signal) > 0 && Number(signal) <= 64;

/** A control message; whatever is none is passed over, as LXD does. */
export function parseOrder(text: string): ControlOrder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "command" in value
      ? value as ControlOrder
      : undefined;
  } catch {
    return undefined; // the end mark is an empty text frame
  }
}

async function feedInput(socket: Socket | undefined, input: Sink): Promise<void> {
  try {
    for await (const message of socket?.messages ?? []) {
      if (typeof message === "string") break; // the end mark
      await input.write(message);
    }
    await input.close();
  } catch (error) {
    // a command need not read its input to the end
    if (!(error instanceof Deno.errors.BrokenPipe) && !(error instanceof TypeError)) throw error;
  }
}

/** Copies what the command prints to a socket, and marks the end. */
async function copyOutput(
  source: Source,
  socket: Socket | undefined,
  ended: Promise<unknown>,
): Promise<void> {
  const send = senderTo(socket);
  // nobody reads any more: the command learns it as in any pipe, by SIGPIPE
  await copy(source, ended, send);
  await send("");
  socket?.close();
}

/** Copies what the command prints for as long as it is taken; a process left behind does not hold it up. */
async function copy(
  source: Source,
  ended: Promise<unknown>,
  take: (chunk: Uint8Array) => Promise<boolean>,
): Promise<void> {
  const end = endingOf(ended);
  for (;;) {
    const next = source.read();
    if (!end.isOver) await end.before(next);
    const got = end.isOver ? await rest(source, next) : await next;
    if (got === undefined || !await take(got)) break;
  }
  await source.close();
}

/** Sends messages, and answers with whether the other side is still there. */
function senderTo(socket: Socket | undefined): (message: Message) => Promise<boolean> {
  if (socket === undefined) return () => Promise.resolve(true);
  const closed = endingOf(socket.closed);
  return async (message) => await closed.before(socket.send(message).then(() => true, () => false)) ?? false;
}

/** What comes next of a command that has ended: no more than it has written, which a busy machine may be late to read. */
async function rest(
  source: Source,
  next: Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const got = await withinLingering(next);
  if (got !== undefined || source.cut === undefined) return got;
  source.cut();
  return await next;
}

/**
 * What comes before a stream has been silent for so long. There are two clocks, one after the other: where this process
 * itself was held up, the first is over before anybody could look at the stream.
 */
async function withinLingering<T>(promise: Promise<T>): Promise<T | undefined> {
  for (let clock = 0; clock < 2; clock++) {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    using _clock = inAWhile(lingering / 2, () => resolve(undefined));
    const got = await Promise.race([promise, late]);
    if (got !== undefined) return got;
  }
  return undefined;
}
