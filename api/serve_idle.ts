// The end of a server that nobody needs any more and that is started again by whoever comes next.

import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Resolves when for so many `milliseconds` nobody was connected and, at the end of them, `canEnd` has said yes. */
export function whenIdle(
  server: Server,
  canEnd: () => Promise<boolean>,
  milliseconds: number,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (open === 0) timer = setTimeout(end, milliseconds);
  };
  const end = async () => {
    if (await canEnd() && open === 0) resolve();
    else look();
  };
  server.on("connection", (connection: Socket) => {
    open++;
    clearTimeout(timer);
    connection.once("close", () => {
      open--;
      look();
    });
  });
  look();
  return promise;
}
