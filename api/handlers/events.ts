// What happens, as it happens: `/1.0/events`.

import { emitLogging, listenEvents } from "../../domain/events.ts";
import { DreyError } from "../../errors.ts";
import type { Event, EventType } from "../../wire/event.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Socket } from "../../wire/socket.ts";
import type { Caller, Handlers } from "../call.ts";
import { isOn } from "../lists.ts";
import { isAdmin } from "../middleware/permission.ts";
import { drain, Inbox } from "../sockets.ts";

/** `bytes` of events that may wait for a listener; one that lets more wait would find gaps, or fill the memory */
const mostWaiting = 4 << 20;

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
        const waiting = new Inbox(mostWaiting);
        // who takes no more has closed the socket
        const sent = sendAll(socket, waiting).catch(() => stop.abort());
        for await (const event of events) {
          if (!maySee(call.caller, event) || !waiting.push(JSON.stringify(event))) continue;
          const message = "A listener to events was disconnected: it does not read what it is sent";
          await emitLogging(call.context, { level: "warning", message });
          return socket.close("Too many events wait to be read");
        }
        waiting.end();
        await sent;
        socket.close();
      },
    });
  },
};

async function sendAll(socket: Socket, waiting: Inbox): Promise<void> {
  for await (const message of waiting.read()) await socket.send(message);
}

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
