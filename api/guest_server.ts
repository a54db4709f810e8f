// `drey guest`: what the supervisor of an instance starts when somebody inside has connected to /dev/lxd/sock. It
// answers, and ends when nobody has been there for a while, or with the instance.

import { createServer, type Socket } from "node:net";
import { answerInstance, type GuestTurn } from "../domain/instances/guest_run.ts";
import { openContext } from "../domain/open.ts";
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
  let timer: ReturnType<typeof setTimeout>;
  const server = createServer((connection) => {
    clearTimeout(timer);
    open.add(connection);
    connection.on("error", () => {}); // "close" follows
    connection.on("close", () => {
      open.delete(connection);
      if (open.size === 0) wait();
    });
    const fd = descriptorOf(connection);
    if (fd === undefined || open.size > most) connection.destroy();
    else if (!isRoot(fd)) refuse(connection);
    else http.emit("connection", connection);
  });
  const finish = () => void server.close(() => resolve());
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(finish, idle);
  };
  ended.addEventListener("abort", () => resolve(), { once: true });
  server.listen({ fd }, wait);
  return promise;
}

/** As LXD does, before a word of the request is read. */
function refuse(connection: Socket): void {
  const said = "Only root of the instance may ask here\n";
  const head = ["HTTP/1.1 401 Unauthorized", "content-type: text/plain", `content-length: ${said.length}`];
  connection.resume(); // or its end is never noticed
  connection.end(`${[...head, "connection: close"].join("\r\n")}\r\n\r\n${said}`);
}
