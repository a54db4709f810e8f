// What happens, as it happens: `/1.0/events`.

import { listenEvents } from "../../domain/events.ts";
import { DreyError } from "../../errors.ts";
import type { Event, EventType } from "../../wire/event.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Caller, Handlers } from "../call.ts";
import { isOn } from "../lists.ts";
import { isAdmin } from "../middleware/permission.ts";
import { drain } from "../sockets.ts";

const eventTypes: readonly EventType[] = ["logging", "operation", "lifecycle"];

export const handlers: Handlers<"events.listen"> = {
  "events.listen": (call) => {
    const stop = new AbortController();
    // listens from here on, so that nothing is missed while the stream is being opened
    const types = typesOf(call.query("type"));
    const events = listenEvents(call.context, {
      types: isAdmin(call.caller) ? types : types.filter((type) => type !== "logging"),
      project: call.project,
      allProjects: isOn(call.query("all-projects")),
    }, stop.signal);
    return Promise.resolve({
      abandon: () => stop.abort(),
      async serve(socket) {
        void socket.closed.then(() => stop.abort());
        void drain(socket.messages);
        for await (const event of events) {
          if (maySee(call.caller, event)) await socket.send(JSON.stringify(event));
        }
        socket.close();
      },
    });
  },
};

/** Tokens let others in: whoever is confined to projects is told of none. */
function maySee(caller: Caller, { type, metadata }: Event): boolean {
  return isAdmin(caller) || type !== "operation" || (metadata as Operation).class !== "token";
}

function typesOf(text: string | undefined): EventType[] {
  if (text === undefined || text === "") return [...eventTypes];
  return text.split(",").map((word) => {
    const type = eventTypes.find((known) => known === word);
    if (type !== undefined) return type;
    throw new DreyError("BAD_REQUEST", { message: `"${word}" is not a supported event type` });
  });
}
