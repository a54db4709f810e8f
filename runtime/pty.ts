// The master side of a terminal as streams. Deno has no type for one; node:tty reads it without blocking a thread.

import { setWindowSize } from "../sys/terminals.ts";

export interface Terminal extends AsyncDisposable {
  /** what the other side prints; ends when its last process has closed the terminal */
  readonly output: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  resize(size: { columns: number; rows: number }): void;
  /** ends `output` once what is there has been read: a process left behind may keep the terminal open */
  finish(): void;
}

/** Takes over the descriptor of a terminal's master. */
export async function openTerminal(master: number): Promise<Terminal> {
  const { ReadStream } = await import("node:tty");
  const stream = new ReadStream(master);
  const { readable, chunks } = collect(stream);
  let closed = false;
  return {
    output: readable,
    write: (bytes) =>
      new Promise((done, failed) => {
        if (closed) return done();
        stream.write(bytes, (error?: Error | null) => error ? failed(error) : done());
      }),
    resize(size) {
      if (!closed) setWindowSize(master, size);
    },
    finish: chunks.close,
    [Symbol.asyncDispose]() {
      closed = true;
      stream.destroy();
      return Promise.resolve();
    },
  };
}

interface NodeStream {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "error" | "close" | "end", listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A node stream as a web stream; EIO is how a terminal says that the other side is gone. */
function collect(stream: NodeStream) {
  let open = true;
  let control: ReadableStreamDefaultController<Uint8Array>;
  const close = () => {
    if (open) control.close();
    open = false;
  };
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      control = controller;
      stream.on("data", (chunk) => {
        if (!open) return;
        controller.enqueue(new Uint8Array(chunk));
        if ((controller.desiredSize ?? 0) <= 0) stream.pause();
      });
      for (const event of ["error", "close", "end"] as const) stream.on(event, close);
    },
    pull() {
      stream.resume();
    },
    // who reads no further has closed it: nothing may be said to it afterwards
    cancel() {
      open = false;
    },
  }, { highWaterMark: 64 });
  return { readable, chunks: { close } };
}
