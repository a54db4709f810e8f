// `drey guest`: what the supervisor of an instance starts when somebody inside has connected to /dev/lxd/sock. It
// answers, and ends when nobody has been there for a while, or with the instance.

import { createServer, type Socket } from "node:net";
import { answerInstance, type GuestTurn } from "../domain/instances/guest_run.ts";
import { openContext } from "../domain/open.ts";
import { DreyError } from "../errors.ts";
import { descriptorOf } from "./doors.ts";
import { createGuestApp } from "./guest.ts";
import { createListener } from "./listener.ts";

/** `milliseconds` without a connection after which it ends */
const idle = 5_000;
/** connections at once; more are closed unheard */
const most = 32;

/** `drey guest PROJECT NAME DESCRIPTOR`. */
export async function guest([project, name, socket]: readonly string[]): Promise<void> {
  if (project === undefined || name === undefined || socket === undefined) {
    throw new Error("guest needs a project, a name and a listening socket");
  }
  await using context = await openContext();
  const ref = { project, name };
  const app = createGuestApp(context, ref);
  const caller = { uid: context.user.uid, protocol: "unix", username: context.user.name } as const;
  await answerInstance(context, ref, {
    socket: Number(socket),
    answer: (turn) => answerTurn(createListener(app, { identify: () => caller }), turn),
  });
}

/** Answers at a socket until nobody has been connected for a while. */
function answerTurn(
  http: ReturnType<typeof createListener>,
  { fd, isRoot, ended }: GuestTurn,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const open = new Set<Socket>();
  let [isClosing, isClosed] = [false, false];
  let timer: ReturnType<typeof setTimeout>;
  const server = createServer((connection) => {
    clearTimeout(timer);
    open.add(connection);
    connection.on("error", () => {}); // "close" follows
    connection.on("close", () => {
      open.delete(connection);
      if (open.size > 0) return;
      if (!isClosing) wait();
      else if (isClosed) resolve();
    });
    if (open.size > most) connection.destroy();
    else if (!isOfRoot(connection, isRoot)) refuse(connection);
    else http.emit("connection", connection);
  });
  const finish = () => {
    isClosing = true;
    // whoever was accepted in the same turn as this is heard of only after it, and is still answered
    server.close(() =>
      setImmediate(() => {
        isClosed = true;
        if (open.size === 0) resolve();
      })
    );
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(finish, idle);
  };
  ended.addEventListener("abort", () => resolve(), { once: true });
  server.listen({ fd }, wait);
  return promise;
}

/** One that is gone already is nobody's. */
function isOfRoot(connection: Socket, isRoot: GuestTurn["isRoot"]): boolean {
  const fd = descriptorOf(connection);
  try {
    return fd !== undefined && isRoot(fd);
  } catch (error) {
    if (error instanceof DreyError) return false;
    throw error;
  }
}

/** As LXD does, before a word of the request is read. */
function refuse(connection: Socket): void {
  const said = "Only root of the instance may ask here\n";
  const head = ["HTTP/1.1 401 Unauthorized", "content-type: text/plain", `content-length: ${said.length}`];
  connection.resume(); // or its end is never noticed
  connection.end(`${[...head, "connection: close"].join("\r\n")}\r\n\r\n${said}`);
}
