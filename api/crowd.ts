// How many connections a listener holds at a time. Each is an open file, and a server that has none left to open is
// not only unable to work: Deno takes no connection ever again once one could not be accepted.

import type { Server, Socket } from "node:net";

/** Closes at once what comes when there are too many connections. */
export function limitCrowd(server: Server, most = mostConnections()): void {
  let count = 0;
  server.on("connection", (connection: Socket) => {
    count++;
    connection.once("close", () => count--);
    if (count > most) connection.destroy();
  });
}

/** Half of the files this process may have open, the other half being for the work; proc(5), /proc/self/limits. */
function mostConnections(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
  return Math.floor(files / 2);
}
