// The screen of a virtual machine, as a websocket operation with LXD's streams: each connection to "0" is one of SPICE's,
// of which a viewer makes several, and the end of "control" is the end of them all.

import { makeSecret } from "../../auth/tokens.ts";
import { DreyError } from "../../errors.ts";
import { leadTo } from "../../runtime/vm/door.ts";
import { screenModules, screenSocket } from "../../runtime/vm/screen.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Socket } from "../../wire/socket.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { hasOwnDisk } from "../machines/own_disk.ts";
import { canShow } from "../machines/extras.ts";
import { startOperation } from "../operations.ts";
import { requireRunning } from "./status.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";
import { openRootPool } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";

/** `milliseconds` that a client has to connect */
const connectTime = 10_000;

/** @throws {DreyError} `BAD_REQUEST` for a container; `NOT_SUPPORTED` for a machine without a screen; `INSTANCE_STATE` */
export async function showScreen(context: Context, ref: Ref): Promise<Operation> {
  requireRunning(context, ref);
  const { door } = instancePaths(context, ref);
  await mustHaveScreen(context, ref, door);
  const secrets = { "0": makeSecret(), control: makeSecret() };
  const open = new Set<Socket>();
  const over = Promise.withResolvers<void>();
  let isControlled = false;
  const end = () => over.resolve();
  return await startOperation(context, {
    project: ref.project,
    class: "websocket",
    description: "Showing console",
    resources: { instances: [instanceAddress(ref.name)] },
    metadata: { fds: secrets },
    async connect(secret, socket) {
      if (secret === secrets.control && !isControlled) {
        isControlled = true;
        void drain(socket).then(end, end);
      } else if (secret === secrets["0"]) {
        const connection = await leadTo(door, screenSocket);
        open.add(socket);
        void relay(socket, connection).finally(() => {
          open.delete(socket);
          if (open.size === 0 && !isControlled) end();
        });
      } else {
        throw new DreyError("FORBIDDEN", {
          message: "The secret belongs to no stream that is still awaited",
        });
      }
    },
    async run({ signal }) {
      const late = setTimeout(() => {
        if (isControlled || open.size > 0) return;
        over.reject(new DreyError("TIMEOUT", { message: "Timed out waiting for websockets to connect" }));
      }, connectTime);
      signal.addEventListener("abort", end, { once: true });
      const told = { type: "vga" };
      const source = instanceAddress(ref.name);
      await emitLifecycle(context, {
        project: ref.project,
        action: "instance-console",
        source,
        context: told,
      });
      await over.promise.finally(() => clearTimeout(late));
      for (const socket of open) socket.close();
    },
  });
}

async function mustHaveScreen(context: Context, ref: Ref, door: string): Promise<void> {
  const { value } = await loadRecord(context, ref);
  if (value.type !== "virtual-machine") {
    throw new DreyError("BAD_REQUEST", { message: "Only virtual machines have a graphical console" });
  }
  try {
    (await leadTo(door, screenSocket)).close();
  } catch (error) {
    if (!(error instanceof DreyError)) throw error;
    throw await withoutScreen(context, ref, error);
  }
}

async function withoutScreen(context: Context, ref: Ref, cause: DreyError): Promise<DreyError> {
  await using pool = await openRootPool(context, ref);
  const root = pool.driver.root(volumeOf(ref));
  if (!hasOwnDisk(root)) {
    return new DreyError("NOT_SUPPORTED", {
      message:
        "A virtual machine that shares its root with the host has no screen: its console is a terminal",
      hint: `Run: drey console ${ref.name}`,
    });
  }
  return new DreyError("NOT_SUPPORTED", {
    message: `The virtual machine "${ref.name}" has no screen: QEMU had no SPICE here when it was started`,
    hint: canShow()
      ? `Run: drey restart ${ref.name}`
      : `Ask an administrator to install the package with ${
        screenModules[0]
      }: qemu-system-common on Debian 12, ` +
        "later qemu-system-modules-spice",
    cause,
  });
}

async function drain(socket: Socket): Promise<void> {
  for await (const _ of socket.messages) { /* a screen takes no orders */ }
}

/** Carries bytes both ways until either side ends. */
async function relay(socket: Socket, connection: Deno.Conn): Promise<void> {
  const close = () => {
    socket.close();
    closeQuietly(connection);
  };
  await Promise.allSettled([
    toMachine(socket, connection).finally(close),
    toViewer(socket, connection).finally(close),
  ]);
}

async function toMachine(socket: Socket, connection: Deno.Conn): Promise<void> {
  for await (const message of socket.messages) {
    if (typeof message === "string") continue;
    for (let at = 0; at < message.length;) at += await connection.write(message.subarray(at));
  }
}

async function toViewer(socket: Socket, connection: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(65_536);
  for (let count; (count = await connection.read(bytes)) !== null;) await socket.send(bytes.slice(0, count));
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}
