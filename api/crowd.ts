// How many connections the listeners of a process hold at a time. Each is an open file, and a server that has none left to open is
// not only unable to work: Deno takes no connection ever again once one could not be accepted.

import type { Server, Socket } from "node:net";

/** Connections that share what there is for them: the files of a process are those of all its listeners. */
interface Crowd {
  count: number;
}

/** Everybody who comes over a network. */
const strangers: Crowd = { count: 0 };
/** This host's own users: strangers must not keep them out. */
const locals: Crowd = { count: 0 };

/**
 * Closes at once what comes when there are too many connections.
 *
 * @param options.most to this listener
 * @param options.all to all listeners of its kind
 */
export function limitCrowd(server: Server, { most = Infinity, all = mostConnections() } = {}): void {
  let count = 0;
  server.on("connection", (connection: Socket) => {
    // a unix socket has no addresses
    const crowd = connection.remoteAddress === undefined ? locals : strangers;
    count++;
    crowd.count++;
    connection.once("close", () => {
      count--;
      crowd.count--;
    });
    if (count > most || crowd.count > all) connection.destroy();
  });
}

/** A quarter of the files this process may have open for either, half being for the work; proc(5), /proc/self/limits. */
function mostConnections(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
  return Math.floor(files / 4);
}
