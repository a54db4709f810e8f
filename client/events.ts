// What happens on a server, as it happens: `/1.0/events` as something to iterate over.

import type { Event, EventType } from "../wire/event.ts";
import type { Client } from "./client.ts";

/** Which events are wanted. */
export interface EventsOptions {
  /** `lifecycle`, `operation`, `logging`; all of them without it */
  types?: readonly EventType[];
  /** another project than the client's */
  project?: string;
  /** events of every project */
  allProjects?: boolean;
  /** ends the events; the loop over them is left as if no more had come */
  signal?: AbortSignal;
}

/** Events in order, from the moment they were asked for. Leaving the loop, or the scope, ends them. */
export interface Events extends AsyncIterable<Event>, AsyncDisposable {}

/**
 * Listens to what happens. Nothing is missed that happens after this has resolved, so listen before you begin what you
 * want to hear of.
 *
 * @example Names of instances as they are started
 * ```ts
 * import { connect, listen } from "@drey/drey";
 *
 * await using drey = await connect();
 * await using events = await listen(drey, { types: ["lifecycle"] });
 * for await (const event of events) {
 *   if (event.type === "lifecycle" && event.metadata.action === "instance-started") {
 *     console.log(event.metadata.source);
 *   }
 * }
 * ```
 */
export async function listen(client: Client, options: EventsOptions = {}): Promise<Events> {
  const { types = [], allProjects = false, project = client.project, signal } = options;
  const query = new URLSearchParams();
  if (types.length > 0) query.set("type", types.join(","));
  if (allProjects) query.set("all-projects", "true");
  else if (project !== undefined) query.set("project", project);
  const socket = await client.socket(`/1.0/events?${query}`, signal);
  async function* read(): AsyncGenerator<Event> {
    try {
      for await (const message of socket.messages) {
        // servers keep a silent connection open with empty messages
        if (typeof message === "string" && message !== "") yield JSON.parse(message) as Event;
      }
    } finally {
      socket.close();
    }
  }
  return {
    [Symbol.asyncIterator]: read,
    [Symbol.asyncDispose]() {
      socket.close();
      return Promise.resolve();
    },
  };
}
