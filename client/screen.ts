// The screen of a virtual machine from the client's side: a unix socket that a viewer connects to, each connection a
// stream of its own.

import { DreyError } from "../errors.ts";
import type { Client } from "./client.ts";
import { inTemporaryPlace } from "../sys/temporary_place.ts";

/** sun_path without its final zero byte; unix(7) */
const longestPath = 107;

/**
 * Leads every connection to a listener to the screen of an instance, until the signal or the machine ends it.
 *
 * @param onOpen called once there is a screen
 */
export async function leadToScreen(
  client: Client,
  { name, listener, detach, onOpen }: {
    name: string;
    listener: Deno.UnixListener;
    detach: AbortSignal;
    onOpen?: () => void;
  },
): Promise<void> {
  const running = await client.start("instance.console", { params: { name }, body: { type: "vga" } });
  const fds = running.operation.metadata?.fds as Record<string, string> | undefined;
  const open = (stream: string) =>
    client.socket(
      `/1.0/operations/${running.operation.id}/websocket?secret=${encodeURIComponent(fds?.[stream] ?? "")}`,
    );
  const control = await open("control");
  detach.addEventListener("abort", () => control.close(), { once: true });
  if (detach.aborted) control.close();
  const accepting = accept(listener, () => open("0"));
  onOpen?.();
  try {
    await running.wait();
  } finally {
    closeOnce(listener);
    await accepting;
  }
}

async function accept(listener: Deno.UnixListener, open: () => ReturnType<Client["socket"]>): Promise<void> {
  try {
    // one that fails is the viewer's to notice: it sees its connection end
    for await (const connection of listener) carry(connection, open).catch(() => {});
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed
  }
}

async function carry(connection: Deno.UnixConn, open: () => ReturnType<Client["socket"]>): Promise<void> {
  using _connection = { [Symbol.dispose]: () => closeOnce(connection) };
  const socket = await open();
  const toViewer = async () => {
    try {
      for await (const message of socket.messages) {
        if (typeof message === "string") continue;
        for (let at = 0; at < message.length;) at += await connection.write(message.subarray(at));
      }
    } finally {
      closeOnce(connection);
      socket.close();
    }
  };
  const toScreen = async () => {
    const bytes = new Uint8Array(65_536);
    try {
      for (let count; (count = await connection.read(bytes)) !== null;) {
        await socket.send(bytes.slice(0, count));
      }
    } finally {
      socket.close();
    }
  };
  // a viewer that goes away ends either of them first, and neither may end unwatched
  await Promise.all([toViewer(), toScreen()]);
}

function closeOnce(opened: Deno.Conn | Deno.Listener): void {
  try {
    opened.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}

/** Listens on a new unix socket that nobody else can reach. */
export async function listenPrivately(): Promise<
  { path: string; listener: Deno.UnixListener } & AsyncDisposable
> {
  await using undo = new AsyncDisposableStack();
  const directory = await inTemporaryPlace(() => Deno.makeTempDir({ prefix: "drey-screen-" }));
  undo.defer(() => Deno.remove(directory, { recursive: true }));
  const path = `${directory}/spice`;
  if (path.length > longestPath) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot listen on "${path}": paths of sockets have at most ${longestPath} bytes`,
      hint: "Set TMPDIR to a shorter one",
    });
  }
  const listener = Deno.listen({ transport: "unix", path });
  undo.defer(() => closeOnce(listener));
  const remove = undo.move();
  return { path, listener, [Symbol.asyncDispose]: () => remove.disposeAsync() };
}
