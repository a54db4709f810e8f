// The two streams of a migration under LXD's names, `control` and `fs`: opened by whoever comes with their secrets, or
// at the operation of another server.

import { connectTo } from "../../auth/connect.ts";
import { connectionOf } from "../../auth/connection.ts";
import { openWebSocket } from "../../auth/websocket.ts";
import { describeError, DreyError } from "../../errors.ts";
import { endingOf } from "../../sys/ending.ts";
import type { Message, Socket } from "../../wire/socket.ts";
import { readControl, writeControl } from "./messages.ts";

/** `milliseconds` both streams have to come */
const patience = 30_000;
/** `milliseconds` the other end has to say why it ended a stream */
const lastWordTime = 2_000;

const names = ["control", "fs"] as const;

/** Where the other end waits, as requests name it. */
export interface Meeting {
  /** `https://host:port/1.0/operations/UUID` */
  operation?: string;
  /** PEM; without it an authority must vouch for the server */
  certificate?: string;
  secrets?: Record<string, string>;
}

/** Streams that others open: what the operation needs for that. */
export interface Expected {
  /** metadata of the operation */
  secrets: Record<string, string>;
  connect(secret: string, socket: Socket): Promise<void>;
  /** @throws {DreyError} `TIMEOUT` */
  open(signal: AbortSignal): Promise<Channels>;
}

/** Streams that others open, each with its secret. */
export function expectChannels(): Expected {
  const secrets = Object.fromEntries(
    names.map((name) => [name, crypto.getRandomValues(new Uint8Array(32)).toHex()]),
  );
  const sockets = new Map<string, Socket>();
  const all = Promise.withResolvers<void>();
  all.promise.catch(() => {}); // told by open()
  return {
    secrets,
    connect(given, socket) {
      const name = names.find((name) => secrets[name] === given && !sockets.has(name));
      if (name === undefined) {
        throw new DreyError("FORBIDDEN", {
          message: "The secret belongs to no stream that is still awaited",
        });
      }
      sockets.set(name, socket);
      if (sockets.size === names.length) all.resolve();
      return Promise.resolve();
    },
    async open(signal) {
      const late = new DreyError("TIMEOUT", { message: "Timed out waiting for the other server to connect" });
      const timer = setTimeout(() => all.reject(late), patience);
      const stop = () => all.reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      try {
        await all.promise;
      } catch (error) {
        for (const socket of sockets.values()) socket.close();
        throw error;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
      }
      const [control, fs] = names.map((name) => sockets.get(name));
      if (control === undefined || fs === undefined) throw new Error("both streams have come");
      return channelsOver(control, fs);
    },
  };
}

/** @throws {DreyError} `BAD_REQUEST` unless a request says where to meet and how */
export function checkMeeting({ operation = "", secrets = {} }: Meeting): void {
  if (!/^https:\/\//.test(operation) || !URL.canParse(operation)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot reach the other server at "${operation}": it is no https address of an operation`,
    });
  }
  const missing = names.find((name) => !secrets[name]);
  if (missing === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Missing ${missing} secret of the other server's operation`,
  });
}

/**
 * Opens the streams of another server's operation.
 *
 * @throws {DreyError} `NETWORK`, `FORBIDDEN`
 * @throws the reason of `signal` if it is aborted first
 */
export async function meet(meeting: Meeting, signal: AbortSignal): Promise<Channels> {
  const { operation = "", certificate, secrets = {} } = meeting;
  const { origin: address, host, pathname } = new URL(operation);
  const opened: Socket[] = [];
  // not the signal itself: over streams that are open the other end is told why they are closed
  const opening = new AbortController();
  const stop = () => opening.abort(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    for (const name of names) {
      const server = { address, ...certificate && { certificate } };
      const connection = connectionOf(await connectTo(server, signal));
      const query = new URLSearchParams({ secret: secrets[name] ?? "" });
      const stream = { address: `${pathname}/websocket?${query}`, host, signal: opening.signal };
      opened.push(await openWebSocket(connection, stream));
    }
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const [control, fs] = opened;
  if (control === undefined || fs === undefined) throw new Error("both streams are open");
  return channelsOver(control, fs);
}

/** Both streams, open. */
export interface Channels extends Disposable {
  /** what the other end says on `control` */
  hear(): Promise<Uint8Array>;
  say(message: Uint8Array): Promise<void>;
  readonly fs: Frames;
}

/** Bytes on `fs`: each thing that is sent ends with a mark. */
export interface Frames {
  /** the bytes up to the next mark. @throws {DreyError} `NETWORK` if the stream ends before */
  read(): AsyncGenerator<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  /** sets the mark */
  end(): Promise<void>;
}

const ended = () => new DreyError("NETWORK", { message: "The other server ended the connection" });

/** Channels over streams that are open. */
export function channelsOver(control: Socket, fs: Socket): Channels {
  const words = control.messages[Symbol.asyncIterator]();
  const say = senderTo(control);
  return {
    async hear() {
      const { done, value } = await words.next();
      if (done) throw ended();
      return bytesOf(value);
    },
    say,
    fs: framesOver(fs),
    [Symbol.dispose]() {
      control.close();
      fs.close();
    },
  };
}

const bytesOf = (message: Message) =>
  typeof message === "string" ? new TextEncoder().encode(message) : message;

/** Sends messages. @throws {DreyError} `NETWORK` if the other end closes the stream meanwhile */
function senderTo(socket: Socket): (message: Message) => Promise<void> {
  const closed = endingOf(socket.closed);
  return async (message) => {
    const isSent = await closed.before(socket.send(message).then(() => true));
    if (!isSent) throw ended();
  };
}

function framesOver(socket: Socket): Frames {
  const messages = socket.messages[Symbol.asyncIterator]();
  const send = senderTo(socket);
  return {
    async *read() {
      for (;;) {
        const { done, value } = await messages.next();
        if (done) throw ended();
        if (typeof value === "string") return;
        yield value;
      }
    },
    write: send,
    end: () => send(""),
  };
}

/** What one end does of a migration, once the streams are open. */
export interface Work<T> {
  /** what comes before the files: the offer and the answer to it */
  agree(): Promise<T>;
  /** sends or takes the files; ends early if the signal says so */
  carry(agreed: T, signal: AbortSignal): Promise<void>;
  /** whether the other end says how it went */
  isTold: boolean;
}

/**
 * Does one end's work. The other end is told if it fails, and if it fails there, that is the reason that counts here.
 *
 * @throws {DreyError} what went wrong, at whichever end
 */
export async function together<T>(channels: Channels, signal: AbortSignal, work: Work<T>): Promise<void> {
  using stop = stopper(signal, () => channels[Symbol.dispose]());
  let lastWord: Promise<void> | undefined;
  try {
    const agreed = await work.agree();
    lastWord = channels.hear().then(readControl);
    lastWord.catch(stop.because);
    await work.carry(agreed, stop.signal);
    if (work.isTold) await lastWord;
    else await channels.say(writeControl());
  } catch (error) {
    const reason = signal.aborted ? signal.reason : await firstReason(error, lastWord);
    await channels.say(writeControl(describeError(reason))).catch(() => {}); // gone as well
    throw reason;
  }
}

/** A signal that follows another, and has the streams closed when it ends work. */
function stopper(signal: AbortSignal, close: () => void) {
  const abort = new AbortController();
  const because = (reason: unknown) => abort.abort(reason);
  const follow = () => because(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  if (signal.aborted) follow();
  return {
    signal: abort.signal,
    because,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", follow);
      close();
    },
  };
}

/** What is wrong here may only follow from what is wrong there. */
async function firstReason(error: unknown, lastWord: Promise<void> | undefined): Promise<unknown> {
  if (lastWord === undefined || !isConsequence(error)) return error;
  const late = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => late.resolve(error), lastWordTime);
  const said = await Promise.race([late.promise, lastWord.then(() => error, (reason) => reason)]);
  clearTimeout(timer);
  return said;
}

/** Whether an error tells of no more than that the other end ended a stream; rsync(1), "EXIT VALUES". */
function isConsequence(error: unknown): boolean {
  if (!(error instanceof DreyError)) return true;
  return error.code === "NETWORK" ||
    /^rsync ended with status (10|11|12|13|14|20|30|35|137)\b/.test(error.message);
}
