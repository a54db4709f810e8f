// Attaching to the console of an instance, as a websocket operation with LXD's streams: "0" carries the terminal,
// "control" its size, and the end of either is the end of the attachment.

import { alreadyAttached, attachConsole, type AttachedConsole, isAttached } from "../../runtime/console.ts";
import { endingOf } from "../../sys/ending.ts";
import type { InstanceConsolePost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Socket } from "../../wire/socket.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { startOperation } from "../operations.ts";
import { createStreams, type ExecStreams, parseOrder } from "./exec_streams.ts";
import { requireRunning } from "./status.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";

/**
 * Starts the attachment and answers with its operation; its streams follow as sockets.
 *
 * @throws {DreyError} `NOT_FOUND`; `INSTANCE_STATE` if it does not run or somebody is attached; `BAD_REQUEST`
 */
export async function consoleInstance(
  context: Context,
  ref: Ref,
  post: InstanceConsolePost,
): Promise<Operation> {
  await loadRecord(context, ref);
  if (post.type === "vga") {
    const { showScreen } = await import("./console_screen.ts");
    return await showScreen(context, ref);
  }
  requireRunning(context, ref);
  const { run: directory, consoleLog } = instancePaths(context, ref);
  if (isAttached(directory)) throw alreadyAttached();
  const streams = createStreams(["0", "control"]);
  return await startOperation(context, {
    project: ref.project,
    class: "websocket",
    description: "Showing console",
    resources: { instances: [instanceAddress(ref.name)] },
    metadata: { fds: streams.secrets },
    connect: streams.connect,
    async run() {
      await streams.ready();
      await using terminal = attachConsole(directory, consoleLog);
      if (post.width && post.height) terminal.resize({ columns: post.width, rows: post.height });
      const source = instanceAddress(ref.name);
      const told = { type: "console" };
      await emitLifecycle(context, {
        project: ref.project,
        action: "instance-console",
        source,
        context: told,
      });
      await carry(terminal, streams);
    },
  });
}

/** Carries both ways until the container, the client or its control stream ends. */
async function carry(terminal: AttachedConsole, streams: ExecStreams): Promise<void> {
  const socket = streams.get("0");
  if (socket === undefined) throw new Error("a console needs its socket");
  const controlled = Promise.withResolvers<void>();
  let control: Socket | undefined;
  const follow = async (given: Socket) => {
    control = given;
    for await (const message of given.messages) obey(message, terminal);
  };
  // a terminal that takes no size any more has ended, as its output tells
  streams.onControl((given) => void follow(given).then(controlled.resolve, controlled.resolve));
  const gone = Promise.race([takeInput(socket, terminal), controlled.promise]);
  const reader = terminal.output.getReader();
  void gone.then(() => reader.cancel(), () => reader.cancel());
  const end = endingOf(gone);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    await end.before(socket.send(value).catch(() => reader.cancel()));
  }
  socket.close();
  control?.close();
}

async function takeInput(socket: Socket, terminal: AttachedConsole): Promise<void> {
  // a text frame says that the client's input has ended, who may want to go on watching
  for await (const message of socket.messages) if (typeof message !== "string") await terminal.write(message);
}

function obey(message: string | Uint8Array, terminal: AttachedConsole): void {
  const order = parseOrder(typeof message === "string" ? message : new TextDecoder().decode(message));
  if (order?.command !== "window-resize") return;
  terminal.resize({ columns: Number(order.args?.width ?? 80), rows: Number(order.args?.height ?? 24) });
}
