// Somebody who listens to the events of a server.

import { overUnixSocket } from "../../client/unix.ts";
import type { Event } from "../../wire/event.ts";
import { eventually } from "./eventually.ts";

/** All that is told from the moment this returns. `query` says of what. */
export async function listen(socket: string, query: string) {
  const transport = overUnixSocket(socket);
  const stream = await transport.socket(`/1.0/events?${query}`);
  const heard: Event[] = [];
  const done = (async () => {
    for await (const message of stream.messages) heard.push(JSON.parse(String(message)));
  })();
  return {
    heard,
    /** waits until so many were heard */
    async until(count: number): Promise<void> {
      await eventually(`${count} events are heard`, () => heard.length >= count, 50);
    },
    async [Symbol.asyncDispose]() {
      stream.close();
      await done;
      await transport[Symbol.asyncDispose]();
    },
  };
}
