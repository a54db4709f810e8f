// The streams of a command that runs in an instance: LXD's exec protocol from the client's side. Data travels
// in binary frames, an empty text frame ends a stream; `control` takes JSON commands.

import { DreyError } from "../errors.ts";
import type { InstanceConsolePost, InstanceExecPost } from "../wire/instance.ts";
import type { Message, Socket } from "../wire/socket.ts";
import type { Client } from "./client.ts";

/** What a command reads and writes. */
export interface ExecStreams {
  /** the command's standard input, a stream or anything else that yields bytes; without it the command reads nothing */
  stdin?: AsyncIterable<Uint8Array>;
  /** gets all output if the command has a terminal; a promise it returns is awaited */
  stdout?(data: Uint8Array): unknown;
  /** gets what the command writes to its standard error */
  stderr?(data: Uint8Array): unknown;
  /** called once, as soon as the running command can be controlled */
  onControl?(control: ExecControl): void;
  /** kills the command; {@link execute} then rejects with the signal's reason */
  signal?: AbortSignal;
}

/** What can be done to a command while it runs. */
export interface ExecControl {
  /** tells the command's terminal its new size, in `characters` */
  resize(width: number, height: number): void;
  /** sends the command a signal by number */
  signal(number: number): void;
}

/** Which command is run where. */
export interface ExecTarget {
  /** of the instance */
  name: string;
  /** the command, its environment, its user, whether it has a terminal */
  post: Omit<InstanceExecPost, "wait-for-websocket" | "record-output">;
}

/**
 * Runs a command in an instance and carries its streams.
 *
 * @returns its exit status: 127 if it was not found, 126 if it could not be run, 128 + n if signal n ended it
 */
export async function execute(
  client: Client,
  target: ExecTarget,
  streams: ExecStreams = {},
): Promise<number> {
  streams.signal?.throwIfAborted();
  const running = await client.start("instance.exec", {
    params: { name: target.name },
    body: { ...target.post, "wait-for-websocket": true },
  });
  const fds = running.operation.metadata?.fds as Record<string, string> | undefined;
  if (fds?.["0"] === undefined) {
    throw new DreyError("SERVER_FAILED", { message: "The server gave no streams for the command" });
  }
  const opened: Promise<Socket>[] = [];
  // where this is left early, the server kills a command whose client has closed control
  using _sockets = closing(opened);
  const open = (fd: string) => {
    const secret = fds[fd];
    if (secret === undefined) return undefined;
    const path = `/1.0/operations/${running.operation.id}/websocket?secret=${encodeURIComponent(secret)}`;
    const opening = client.socket(path);
    opened.push(opening);
    return opening;
  };
  // the command begins without waiting for control, and a short one would be over by then: input comes after it
  const controlOpen = open("control");
  const openInput = async () => {
    await controlOpen;
    return await open("0");
  };
  const [input, output, errors, control] = await Promise.all([
    openInput(),
    open("1"),
    open("2"),
    controlOpen,
  ]);
  if (control) controlOf(control, streams);
  using stopped = stoppedBy(streams.signal);
  // with a terminal everything comes back on the stream that takes the input
  const ended = Promise.all([
    running.wait(),
    drain(output ?? input, streams.stdout),
    drain(errors, streams.stderr),
  ]);
  const fed = feed(input as Socket, streams.stdin);
  // input that has come to its end says nothing of the command
  const unfed = new Promise<never>((_, reject) => fed.catch(reject));
  const [operation] = await Promise.race([ended, stopped.promise, unfed]);
  return Number(operation.metadata?.return ?? 0);
}

/** What {@link capture} kept of a command. */
export interface Captured {
  /** exit status, as of {@link execute} */
  status: number;
  /** what it wrote, as text */
  stdout: string;
  /** what it wrote to its standard error, as text */
  stderr: string;
}

/** Runs a command in an instance and keeps what it writes: for short text. The rest is as of {@link execute}. */
export async function capture(
  client: Client,
  target: ExecTarget,
  streams: Pick<ExecStreams, "stdin" | "signal"> = {},
): Promise<Captured> {
  const output = { stdout: "", stderr: "" };
  const keep = (name: keyof typeof output) => {
    const decoder = new TextDecoder();
    return {
      add: (data: Uint8Array) => void (output[name] += decoder.decode(data, { stream: true })),
      end: () => void (output[name] += decoder.decode()),
    };
  };
  const [stdout, stderr] = [keep("stdout"), keep("stderr")];
  const status = await execute(client, target, { ...streams, stdout: stdout.add, stderr: stderr.add });
  for (const kept of [stdout, stderr]) kept.end();
  return { status, ...output };
}

/** What a person at a console types and sees. */
export interface ConsoleStreams {
  /** what is typed; its end changes nothing */
  input: AsyncIterable<Uint8Array>;
  output(data: Uint8Array): Promise<void> | void;
  /** called once, as soon as the console can be told its size */
  onControl?(control: Pick<ExecControl, "resize">): void;
  /** ends the attachment */
  detach: AbortSignal;
}

/** Attaches to the console of an instance until it ends or `detach` says so. */
export async function attachConsole(
  client: Client,
  { name, post }: { name: string; post: InstanceConsolePost },
  streams: ConsoleStreams,
): Promise<void> {
  const running = await client.start("instance.console", { params: { name }, body: post });
  const fds = running.operation.metadata?.fds as Record<string, string> | undefined;
  const open = (fd: string) =>
    client.socket(
      `/1.0/operations/${running.operation.id}/websocket?secret=${encodeURIComponent(fds?.[fd] ?? "")}`,
    );
  using sockets = new DisposableStack();
  const control = sockets.adopt(await open("control"), (socket) => socket.close());
  const terminal = sockets.adopt(await open("0"), (socket) => socket.close());
  controlOf(control, streams);
  streams.detach.addEventListener("abort", () => control.close(), { once: true });
  if (streams.detach.aborted) control.close();
  // a keyboard that cannot be read types nothing more
  feed(terminal, streams.input).catch(() => terminal.close());
  await drain(terminal, streams.output);
  await running.wait();
}

/** A promise that is rejected when the signal says so, until it is disposed of. */
function stoppedBy(signal: AbortSignal | undefined): { promise: Promise<never> } & Disposable {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal?.reason);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  return { promise, [Symbol.dispose]: () => signal?.removeEventListener("abort", stop) };
}

/** Closes them at the end, those too that are only being opened then. */
function closing(opened: readonly Promise<Socket>[]): Disposable {
  return {
    [Symbol.dispose]() {
      // one that was refused has told whoever asked for it
      for (const socket of opened) socket.then(({ close }) => close(), () => {});
    },
  };
}

async function drain(socket: Socket | undefined, write: ExecStreams["stdout"]): Promise<void> {
  if (socket === undefined) return;
  for await (const message of socket.messages) {
    if (typeof message === "string") return; // the end mark
    await write?.(message);
  }
}

/** Sends all there is to read, and that it was all. Rejects only with an error of what is read. */
async function feed(socket: Socket, stdin: AsyncIterable<Uint8Array> | undefined): Promise<void> {
  // a command may end without reading its input: then the stream is closed meanwhile, which is no failure
  const sent = (message: Message) => socket.send(message).then(() => true, () => false);
  for await (const data of stdin ?? []) {
    if (!await sent(data)) return socket.close();
  }
  if (!await sent("")) socket.close();
}

function controlOf(socket: Socket, streams: Pick<ExecStreams, "onControl">): void {
  const send = (command: unknown) => {
    socket.send(JSON.stringify(command)).catch(() => {}); // the command has ended: nothing is left to control
  };
  streams.onControl?.({
    // the numbers are strings on the wire
    resize: (width, height) =>
      send({ command: "window-resize", args: { width: String(width), height: String(height) } }),
    signal: (number) => send({ command: "signal", signal: number }),
  });
}
